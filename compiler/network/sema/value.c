/* Kinds and values of expressions.
 *
 * The kind of an expression is decided by its leftmost operand, so that `sema_kind` needs no evaluation. Nets are not
 * evaluated here at all: their value is the expression with its scope. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "network/sema/internal.h"

const char *sema_kind_text(ValueKind kind)
{
	switch (kind) {
	case VALUE_POISON:
		return "an error";
	case VALUE_NUMBER:
		return "a number";
	case VALUE_DIMS:
		return "dims";
	case VALUE_STRING:
		return "a string";
	case VALUE_LIST:
		return "a list";
	case VALUE_NET:
		return "a net";
	case VALUE_GROUP:
		return "a group";
	case VALUE_CHOICE:
		return "a choice";
	case VALUE_ELEMENT:
		return "a group element";
	}
	ICE("unknown kind");
}

bool sema_wrong_kind(Checker *ch, Span span, const char *place, const char *wanted, ValueKind found)
{
	if (found == VALUE_POISON)
		return false;
	return sema_error(ch, span, "E0604", "%s wants %s, found %s", place, wanted, sema_kind_text(found));
}

const Value *sema_local(const Scope *scope, const char *name)
{
	if (scope->def == NULL)
		return NULL;
	for (uint32_t i = 0; i < scope->def->param_count; i++)
		if (strcmp(scope->def->params[i], name) == 0)
			return &scope->values[i];
	return NULL;
}

/* ---- kinds ---------------------------------------------------------------------------------------------------- */

static bool by_position(const AstExpr *expr)
{
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++)
		if (expr->as.name.args[i].name != NULL)
			return false;
	return expr->as.name.arg_count > 0;
}

static ValueKind kind_of_name(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	const Value *local = sema_local(scope, expr->as.name.name);
	if (local != NULL)
		return local->kind;
	const Symbol *symbol = sema_find(ch, expr->as.name.name);
	if (symbol == NULL)
		return VALUE_POISON; /* reported by the pass over names */
	switch (symbol->kind) {
	case SYMBOL_LET:
	case SYMBOL_PARAM:
		return symbol->value.kind;
	case SYMBOL_GROUP:
		return VALUE_GROUP;
	case SYMBOL_DEF:
	case SYMBOL_NET:
		return VALUE_NET;
	case SYMBOL_POISON:
		return VALUE_POISON;
	case SYMBOL_LANGUAGE:
		break;
	}
	if (symbol->layer != NULL && !(symbol->is_function && by_position(expr)))
		return VALUE_NET;
	if (symbol->is_function || symbol->is_pi)
		return VALUE_NUMBER;
	if (symbol->is_choice)
		return VALUE_CHOICE;
	if (symbol->element != ELEMENT_NONE)
		return VALUE_ELEMENT;
	return symbol->is_later_group ? VALUE_POISON : VALUE_GROUP;
}

ValueKind sema_kind(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	bool operators = false; /* between here and the leftmost operand */
	for (;;) {
		ValueKind kind = VALUE_POISON;
		switch (expr->kind) {
		case AST_COMPOSE:
			return VALUE_NET;
		case AST_ADD:
		case AST_SUB:
		case AST_MUL:
		case AST_DIV:
		case AST_POWER:
			operators = true;
			expr = expr->as.binary.left;
			continue;
		case AST_PAREN:
			expr = expr->as.unary.inner;
			continue;
		case AST_NEGATE:
		case AST_NUMBER:
			return VALUE_NUMBER;
		case AST_DIMS:
			kind = VALUE_DIMS;
			break;
		case AST_STRING:
			kind = VALUE_STRING;
			break;
		case AST_LIST:
			kind = VALUE_LIST;
			break;
		case AST_POISON:
			return VALUE_POISON;
		case AST_NAME:
			kind = kind_of_name(ch, scope, expr);
			break;
		}
		if (!operators || kind == VALUE_NET || kind == VALUE_ELEMENT || kind == VALUE_POISON)
			return kind;
		return VALUE_NUMBER; /* operators stand between numbers; anything else is reported when evaluated */
	}
}

/* ---- numbers -------------------------------------------------------------------------------------------------- */

/* A number while it is computed. Constants stay off the arena: a def used 10^5 times evaluates its expressions anew
 * each time. */
typedef struct Number {
	bool ok; /* false: an error has been reported */
	double value;
	const Scalar *scalar; /* NULL: a constant */
} Number;

static const Number failed_number = {.ok = false};

static Number number_of_expr(Checker *ch, const Scope *scope, const AstExpr *expr);

static Number checked(Checker *ch, Span span, Number number)
{
	if (number.scalar != NULL && number.scalar->size > SCALAR_MAX_SIZE) {
		sema_error(ch, span, "E0613", "an expression over params has more than %d operations", SCALAR_MAX_SIZE);
		return failed_number;
	}
	if (!isfinite(number.value)) {
		sema_error(ch, span, "E0611", "this number is not finite, its value is %s",
			   isnan(number.value) ? "not a number"
			   : number.value > 0  ? "infinity"
					       : "-infinity");
		return failed_number;
	}
	return number;
}

/* The same expression evaluated again gives the same scalars: a cache keeps a def used 10^5 times from holding them
 * 10^5 times. A slot is simply overwritten. */
static const Scalar **cache_slot(Checker *ch, ScalarOp op, uint64_t a, uint64_t b, uint64_t c)
{
	if (ch->scalars == NULL)
		ch->scalars = ARENA_ARRAY(ch->arena, const Scalar *, SCALAR_CACHE);
	uint64_t hash = (uint64_t)op;
	hash = (hash ^ a) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ (hash >> 29) ^ b) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ (hash >> 29) ^ c) * 0x9e3779b97f4a7c15u;
	return &ch->scalars[(hash >> 32) % SCALAR_CACHE];
}

static const Scalar *scalar_of(Checker *ch, Number number)
{
	if (number.scalar != NULL)
		return number.scalar;
	uint64_t bits;
	memcpy(&bits, &number.value, sizeof bits);
	const Scalar **slot = cache_slot(ch, SCALAR_CONST, bits, 0, 0);
	if (*slot == NULL || (*slot)->op != SCALAR_CONST || memcmp(&(*slot)->value, &bits, sizeof bits) != 0)
		*slot = scalar_const(ch->arena, number.value);
	return *slot;
}

static const Scalar *scalar_of_op(Checker *ch, ScalarOp op, const Scalar *a, const Scalar *b, const Scalar *c)
{
	const Scalar **slot = cache_slot(ch, op, (uintptr_t)a, (uintptr_t)b, (uintptr_t)c);
	const Scalar *old = *slot;
	if (old == NULL || old->op != op || old->arg[0] != a || old->arg[1] != b || old->arg[2] != c)
		*slot = scalar_op(ch->arena, op, a, b, c);
	return *slot;
}

static Number constant(double value)
{
	return (Number){.ok = true, .value = value};
}

/* `arg`: as many as the operation takes, all ok. */
static Number operate(Checker *ch, Span span, ScalarOp op, const Number *arg)
{
	uint32_t arity = scalar_op_arity(op);
	bool is_constant = true;
	for (uint32_t i = 0; i < arity; i++)
		is_constant = is_constant && arg[i].scalar == NULL;
	if (is_constant)
		return checked(ch, span,
			       constant(scalar_apply(op, arg[0].value, arity > 1 ? arg[1].value : 0,
						     arity > 2 ? arg[2].value : 0)));
	const Scalar *scalar = scalar_of_op(ch, op, scalar_of(ch, arg[0]), arity > 1 ? scalar_of(ch, arg[1]) : NULL,
					    arity > 2 ? scalar_of(ch, arg[2]) : NULL);
	return checked(ch, span,
		       (Number){.ok = true, .value = scalar->value, .scalar = scalar_is_const(scalar) ? NULL : scalar});
}

static Number number_of_call(Checker *ch, const Scope *scope, const AstExpr *expr, const Symbol *symbol)
{
	Number arg[3] = {failed_number, failed_number, failed_number};
	if (!expr->as.name.call || expr->as.name.arg_count != scalar_op_arity(symbol->function))
		return failed_number; /* reported by the pass over names */
	bool ok = true;
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++) {
		arg[i] = number_of_expr(ch, scope, expr->as.name.args[i].value);
		ok = ok && arg[i].ok;
	}
	return ok ? operate(ch, expr->span, symbol->function, arg) : failed_number;
}

static Number number_of_name(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	const Value *value = sema_local(scope, expr->as.name.name);
	const Symbol *symbol = value == NULL ? sema_find(ch, expr->as.name.name) : NULL;
	if (symbol != NULL && (symbol->kind == SYMBOL_LET || symbol->kind == SYMBOL_PARAM))
		value = &symbol->value;
	if (value != NULL && value->kind == VALUE_NUMBER) {
		const Scalar *scalar = value->as.number;
		return (Number){.ok = true, .value = scalar->value, .scalar = scalar_is_const(scalar) ? NULL : scalar};
	}
	if (symbol != NULL && symbol->is_pi)
		return constant(acos(-1.0));
	if (symbol != NULL && symbol->is_function && (symbol->layer == NULL || by_position(expr)))
		return number_of_call(ch, scope, expr, symbol);
	sema_wrong_kind(ch, expr->span, "this place", "a number", kind_of_name(ch, scope, expr));
	return failed_number;
}

static ScalarOp op_of(AstExprKind kind)
{
	if (kind == AST_ADD)
		return SCALAR_ADD;
	if (kind == AST_SUB)
		return SCALAR_SUB;
	if (kind == AST_MUL)
		return SCALAR_MUL;
	return kind == AST_DIV ? SCALAR_DIV : SCALAR_POW;
}

static Number number_operand(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	bool negative = false;
	const AstExpr *bare = expr;
	for (; bare->kind == AST_NEGATE; bare = bare->as.unary.inner)
		negative = !negative;
	Number number = failed_number;
	switch (bare->kind) {
	case AST_NUMBER:
		number = checked(ch, expr->span, constant(bare->as.number.value));
		break;
	case AST_NAME:
		number = number_of_name(ch, scope, bare);
		break;
	case AST_PAREN:
		number = number_of_expr(ch, scope, bare->as.unary.inner);
		break;
	case AST_DIMS:
	case AST_STRING:
	case AST_LIST:
	case AST_COMPOSE:
		sema_wrong_kind(ch, expr->span, "this place", "a number", sema_kind(ch, scope, bare));
		break;
	case AST_POISON:
		break;
	case AST_ADD:
	case AST_SUB:
	case AST_MUL:
	case AST_DIV:
	case AST_POWER: /* under a minus sign: -a^b is -(a^b) */
		number = number_of_expr(ch, scope, bare);
		break;
	case AST_NEGATE:
		ICE("a minus sign is left");
	}
	return number.ok && negative ? operate(ch, expr->span, SCALAR_NEG, &number) : number;
}

/* a^b^c is a^(b^c): down the right operands without recursion. */
static Number number_power(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	size_t base = ch->chain_count;
	while (expr->kind == AST_POWER) {
		sema_chain_push(ch, expr);
		expr = expr->as.binary.right;
	}
	Number number = number_operand(ch, scope, expr);
	while (ch->chain_count > base) {
		const AstExpr *node = sema_chain_pop(ch);
		const Number arg[2] = {number_operand(ch, scope, node->as.binary.left), number};
		number = arg[0].ok && arg[1].ok ? operate(ch, node->span, SCALAR_POW, arg) : failed_number;
	}
	return number;
}

static bool is_arithmetic(const AstExpr *expr)
{
	return expr->kind == AST_ADD || expr->kind == AST_SUB || expr->kind == AST_MUL || expr->kind == AST_DIV;
}

static Number number_chain(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	size_t base = ch->chain_count;
	while (is_arithmetic(expr)) {
		sema_chain_push(ch, expr);
		expr = expr->as.binary.left;
	}
	Number number = expr->kind == AST_POWER ? number_power(ch, scope, expr) : number_operand(ch, scope, expr);
	while (ch->chain_count > base) {
		const AstExpr *node = sema_chain_pop(ch);
		const Number arg[2] = {number, number_of_expr(ch, scope, node->as.binary.right)};
		number = arg[0].ok && arg[1].ok ? operate(ch, node->span, op_of(node->kind), arg) : failed_number;
	}
	return number;
}

static Number number_of_expr(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	if (!sema_enter(ch, expr->span))
		return failed_number;
	Number number = number_chain(ch, scope, expr);
	sema_leave(ch);
	return number;
}

const Scalar *sema_number(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	Number number = number_of_expr(ch, scope, expr);
	return number.ok ? scalar_of(ch, number) : NULL;
}

bool sema_integer(Checker *ch, Span span, const Scalar *number, const char *what, uint64_t low, uint64_t high,
		  uint64_t *out)
{
	if (!scalar_is_const(number))
		return sema_error(ch, span, "E0612", "%s must be a constant, this depends on a param", what);
	double value = number->value;
	char text[ENTK_NUMBER_SIZE];
	if (value != floor(value))
		return sema_error(ch, span, "E0306", "%s must be an integer, found %s", what,
				  entk_number_text(value, text));
	if (value < (double)low)
		return sema_error(ch, span, "E0305", "%s must be at least %llu, found %s", what,
				  (unsigned long long)low, entk_number_text(value, text));
	if (value > (double)high)
		return sema_error(ch, span, "E0305", "%s must be at most %llu, found %s", what,
				  (unsigned long long)high, entk_number_text(value, text));
	*out = (uint64_t)value;
	return true;
}

/* ---- values --------------------------------------------------------------------------------------------------- */

static const AstExpr *inside_parens(const AstExpr *expr)
{
	while (expr->kind == AST_PAREN)
		expr = expr->as.unary.inner;
	return expr;
}

static Value list_value(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	Value *items = ARENA_ARRAY(ch->arena, Value, expr->as.list.count);
	bool ok = true;
	for (uint32_t i = 0; i < expr->as.list.count; i++) {
		items[i] = sema_value(ch, scope, expr->as.list.items[i]);
		ok = ok && items[i].kind != VALUE_POISON;
	}
	Value value = {.kind = ok ? VALUE_LIST : VALUE_POISON};
	value.as.list.items = items;
	value.as.list.expr = expr;
	return value;
}

/* Value that a name stands for, without evaluation; POISON if it is not that simple. */
static Value named_value(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	const Value *local = sema_local(scope, expr->as.name.name);
	if (local != NULL)
		return *local;
	const Symbol *symbol = sema_find(ch, expr->as.name.name);
	if (symbol != NULL && (symbol->kind == SYMBOL_LET || symbol->kind == SYMBOL_PARAM))
		return symbol->value;
	if (symbol != NULL && symbol->is_choice)
		return (Value){.kind = VALUE_CHOICE, .choice = symbol->choice};
	return (Value){.kind = VALUE_POISON};
}

static Value value_inner(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	Value value = {.kind = sema_kind(ch, scope, expr)};
	const AstExpr *bare = inside_parens(expr);
	switch (value.kind) {
	case VALUE_POISON:
		return value;
	case VALUE_NUMBER:
		value.as.number = sema_number(ch, scope, expr);
		break;
	case VALUE_NET: {
		if (bare->kind == AST_NAME && sema_local(scope, bare->as.name.name) != NULL)
			return named_value(ch, scope, bare); /* the argument's own closure: no chains of scopes */
		Closure *closure = ARENA_NEW(ch->arena, Closure);
		closure->expr = expr;
		closure->scope = scope;
		value.as.net = closure;
		return value;
	}
	case VALUE_GROUP:
		value.as.group = sema_group(ch, scope, expr, NULL);
		break;
	case VALUE_ELEMENT:
		value.as.element = sema_element(ch, scope, expr);
		break;
	case VALUE_DIMS:
	case VALUE_STRING:
	case VALUE_CHOICE:
	case VALUE_LIST:
		if (bare->kind == AST_NAME)
			return named_value(ch, scope, bare);
		if (bare->kind == AST_LIST)
			return list_value(ch, scope, bare);
		value.as.literal = bare;
		return value;
	}
	bool failed = value.kind == VALUE_NUMBER  ? value.as.number == NULL
		      : value.kind == VALUE_GROUP ? value.as.group == NULL
						  : value.as.element == NULL;
	if (failed)
		value.kind = VALUE_POISON;
	return value;
}

Value sema_value(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	if (!sema_enter(ch, expr->span))
		return (Value){.kind = VALUE_POISON};
	Value value = value_inner(ch, scope, expr);
	sema_leave(ch);
	return value;
}
