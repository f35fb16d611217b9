/* Real numbers of a network: small immutable expressions over the program's params. */
#include "network/scalar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/number.h"

const Scalar *scalar_const(Arena *arena, double value)
{
	Scalar *s = ARENA_NEW(arena, Scalar);
	s->op = SCALAR_CONST;
	s->value = value;
	s->size = 1;
	return s;
}

const Scalar *scalar_param(Arena *arena, uint32_t param, double value)
{
	Scalar *s = ARENA_NEW(arena, Scalar);
	s->op = SCALAR_PARAM;
	s->value = value;
	s->param = param;
	s->size = 1;
	return s;
}

uint32_t scalar_op_arity(ScalarOp op)
{
	switch (op) {
	case SCALAR_CONST:
	case SCALAR_PARAM:
		return 0;
	case SCALAR_ADD:
	case SCALAR_SUB:
	case SCALAR_MUL:
	case SCALAR_DIV:
	case SCALAR_POW:
	case SCALAR_MIN:
	case SCALAR_MAX:
		return 2;
	case SCALAR_NEG:
	case SCALAR_SQRT:
	case SCALAR_EXP:
	case SCALAR_LOG:
	case SCALAR_SIN:
	case SCALAR_COS:
	case SCALAR_TAN:
	case SCALAR_TANH:
	case SCALAR_SINH:
	case SCALAR_COSH:
	case SCALAR_ATAN:
	case SCALAR_ERF:
	case SCALAR_ABS:
	case SCALAR_SIGN:
		return 1;
	case SCALAR_WHERE:
		return 3;
	}
	ICE("unknown scalar operation %d", (int)op);
}

double scalar_apply(ScalarOp op, double a, double b, double c)
{
	switch (op) {
	case SCALAR_CONST:
	case SCALAR_PARAM:
		break;
	case SCALAR_ADD:
		return a + b;
	case SCALAR_SUB:
		return a - b;
	case SCALAR_MUL:
		return a * b;
	case SCALAR_DIV:
		return a / b;
	case SCALAR_POW:
		return pow(a, b);
	case SCALAR_MIN:
		return a < b ? a : b;
	case SCALAR_MAX:
		return a > b ? a : b;
	case SCALAR_NEG:
		return -a;
	case SCALAR_SQRT:
		return sqrt(a);
	case SCALAR_EXP:
		return exp(a);
	case SCALAR_LOG:
		return log(a);
	case SCALAR_SIN:
		return sin(a);
	case SCALAR_COS:
		return cos(a);
	case SCALAR_TAN:
		return tan(a);
	case SCALAR_TANH:
		return tanh(a);
	case SCALAR_SINH:
		return sinh(a);
	case SCALAR_COSH:
		return cosh(a);
	case SCALAR_ATAN:
		return atan(a);
	case SCALAR_ERF:
		return erf(a);
	case SCALAR_ABS:
		return fabs(a);
	case SCALAR_SIGN:
		return a > 0 ? 1.0 : a < 0 ? -1.0 : 0.0;
	case SCALAR_WHERE:
		return a > 0 ? b : c;
	}
	ICE("scalar operation %d has no arguments", (int)op);
}

const Scalar *scalar_op(Arena *arena, ScalarOp op, const Scalar *a, const Scalar *b, const Scalar *c)
{
	const Scalar *arg[3] = {a, b, c};
	uint32_t arity = scalar_op_arity(op);
	double value[3] = {0, 0, 0};
	bool constant = true;
	uint64_t size = 1;
	for (uint32_t i = 0; i < arity; i++) {
		ENTK_ASSERT(arg[i] != NULL);
		value[i] = arg[i]->value;
		constant = constant && scalar_is_const(arg[i]);
		size += arg[i]->size;
	}
	double result = scalar_apply(op, value[0], value[1], value[2]);
	if (constant)
		return scalar_const(arena, result);
	if (op == SCALAR_WHERE && scalar_is_const(a))
		return a->value > 0 ? b : c;
	Scalar *s = ARENA_NEW(arena, Scalar);
	s->op = op;
	s->value = result;
	for (uint32_t i = 0; i < arity; i++)
		s->arg[i] = arg[i];
	s->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	return s;
}

bool scalar_is_const(const Scalar *s)
{
	return s->op == SCALAR_CONST;
}

bool scalar_is_zero(const Scalar *s)
{
	return scalar_is_const(s) && s->value == 0;
}

double scalar_eval(const Scalar *s, const double *params)
{
	if (s->op == SCALAR_CONST)
		return s->value;
	if (s->op == SCALAR_PARAM)
		return params[s->param];
	double value[3] = {0, 0, 0};
	for (uint32_t i = 0; i < 3 && s->arg[i] != NULL; i++)
		value[i] = scalar_eval(s->arg[i], params);
	return scalar_apply(s->op, value[0], value[1], value[2]);
}

bool scalar_equal(const Scalar *a, const Scalar *b)
{
	if (a == b)
		return true;
	if (a->op != b->op || a->size != b->size)
		return false;
	if (a->op == SCALAR_CONST) /* by bits: 0 and -0 differ, a NaN equals itself */
		return memcmp(&a->value, &b->value, sizeof a->value) == 0;
	if (a->op == SCALAR_PARAM)
		return a->param == b->param;
	for (uint32_t i = 0; i < scalar_op_arity(a->op); i++)
		if (!scalar_equal(a->arg[i], b->arg[i]))
			return false;
	return true;
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

typedef struct Text {
	Arena *arena;
	const char *const *names;
	char *bytes;
	size_t length, capacity;
} Text;

static void put(Text *text, const char *s)
{
	size_t n = strlen(s);
	if (text->length + n + 1 > text->capacity) {
		size_t capacity = 2 * text->capacity + n + 64;
		char *bytes = arena_alloc(text->arena, capacity, 1);
		if (text->length > 0)
			memcpy(bytes, text->bytes, text->length);
		text->bytes = bytes;
		text->capacity = capacity;
	}
	memcpy(text->bytes + text->length, s, n + 1);
	text->length += n;
}

static void put_number(Text *text, double value)
{
	char buffer[ENTK_NUMBER_SIZE];
	put(text, entk_number_text(value, buffer));
}

static const char *function_name(ScalarOp op)
{
	switch (op) {
	case SCALAR_MIN:
		return "min";
	case SCALAR_MAX:
		return "max";
	case SCALAR_SQRT:
		return "sqrt";
	case SCALAR_EXP:
		return "exp";
	case SCALAR_LOG:
		return "log";
	case SCALAR_SIN:
		return "sin";
	case SCALAR_COS:
		return "cos";
	case SCALAR_TAN:
		return "tan";
	case SCALAR_TANH:
		return "tanh";
	case SCALAR_SINH:
		return "sinh";
	case SCALAR_COSH:
		return "cosh";
	case SCALAR_ATAN:
		return "atan";
	case SCALAR_ERF:
		return "erf";
	case SCALAR_ABS:
		return "abs";
	case SCALAR_SIGN:
		return "sign";
	case SCALAR_WHERE:
		return "where";
	case SCALAR_CONST:
	case SCALAR_PARAM:
	case SCALAR_ADD:
	case SCALAR_SUB:
	case SCALAR_MUL:
	case SCALAR_DIV:
	case SCALAR_POW:
	case SCALAR_NEG:
		return NULL;
	}
	ICE("unknown scalar operation %d", (int)op);
}

static const char *operator_text(ScalarOp op)
{
	if (op == SCALAR_ADD)
		return " + ";
	if (op == SCALAR_SUB)
		return " - ";
	if (op == SCALAR_MUL)
		return " * ";
	return op == SCALAR_DIV ? " / " : "^";
}

static void put_scalar(Text *text, const Scalar *s)
{
	const char *function = function_name(s->op);
	if (s->op == SCALAR_CONST) {
		put_number(text, s->value);
	} else if (s->op == SCALAR_PARAM) {
		char buffer[24];
		snprintf(buffer, sizeof buffer, "p%u", s->param);
		put(text, text->names != NULL ? text->names[s->param] : buffer);
	} else if (function != NULL) {
		put(text, function);
		for (uint32_t i = 0; i < scalar_op_arity(s->op); i++) {
			put(text, i == 0 ? "(" : ", ");
			put_scalar(text, s->arg[i]);
		}
		put(text, ")");
	} else if (s->op == SCALAR_NEG) {
		put(text, "(-");
		put_scalar(text, s->arg[0]);
		put(text, ")");
	} else {
		put(text, "(");
		put_scalar(text, s->arg[0]);
		put(text, operator_text(s->op));
		put_scalar(text, s->arg[1]);
		put(text, ")");
	}
}

char *scalar_text(Arena *arena, const Scalar *s, const char *const *names)
{
	Text text = {.arena = arena, .names = names};
	put_scalar(&text, s);
	return text.bytes;
}
