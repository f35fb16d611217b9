#include "emit/form.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "network/nonlinearity.h"

/* ---- text ---- */

static void say(Form *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(Form *f, const char *format, ...)
{
	char piece[128];
	va_list arguments;
	va_start(arguments, format);
	int written = vsnprintf(piece, sizeof piece, format, arguments);
	va_end(arguments);
	ENTK_ASSERT(written >= 0 && (size_t)written < sizeof piece);
	size_t size = (size_t)written;
	if (f->length + size + 1 > f->capacity) {
		f->capacity = 2 * f->capacity + size + 256;
		char *grown = ARENA_ARRAY(f->arena, char, f->capacity);
		if (f->length > 0)
			memcpy(grown, f->text, f->length);
		f->text = grown;
	}
	memcpy(f->text + f->length, piece, size + 1);
	f->length += size;
}

static void say_signed(Form *f, const int32_t *v, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		say(f, "%" PRId32 ",", v[i]);
}

static void say_unsigned(Form *f, const uint32_t *v, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		say(f, "%" PRIu32 ",", v[i]);
}

/* ---- what is named ---- */

static void *grow(Arena *arena, void *list, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return list;
	*capacity = 2 * *capacity + 8;
	void *grown = arena_alloc(arena, *capacity, size);
	if (count > 0)
		memcpy(grown, list, count * size);
	return grown;
}

#define NAMER(name, type, list)                                                                     \
	static void say_##name(Form *f, type what)                                                  \
	{                                                                                           \
		uint32_t i = 0;                                                                     \
		while (i < f->name##_count && f->list[i] != what)                                   \
			i++;                                                                        \
		if (i == f->name##_count) {                                                         \
			f->list = grow(f->arena, f->list, i, &f->name##_capacity, sizeof *f->list); \
			f->list[f->name##_count++] = what;                                          \
		}                                                                                   \
		say(f, #name "%" PRIu32 " ", i);                                                    \
	}
NAMER(base, RecBase, bases)
NAMER(coef, int32_t, coefs)
NAMER(var, const RecVar *, vars)
NAMER(buffer, const RecBuffer *, buffers)

static void say_memory(Form *f, const RecBuffer *b)
{
	say_buffer(f, b);
	say(f, "%d r%" PRIu32 " %" PRIu64 " ring%" PRIu32 " %d%d%d ", (int)b->kind, b->elements, b->entries, b->ring,
	    b->theta, b->torus, b->carried);
	say_unsigned(f, b->shape, AXES);
	say_unsigned(f, b->halo_low, AXES);
	say_unsigned(f, b->halo_high, AXES);
}

static void say_disp(Form *f, const RecDisp *d)
{
	if (d->base != 0)
		say_base(f, d->base);
	say(f, "scale ");
	say_signed(f, d->scale, AXES);
	for (uint32_t k = 0; k < f->frames->count; k++)
		say_signed(f, d->shift[k], AXES);
}

static void say_factors(Form *f, const RecVar *var)
{
	say_var(f, var);
	say(f, "%d %" PRIu32 " r%" PRIu32 " %" PRIu64 " ", var->in_state, var->planes, var->elements, var->positions);
	say_unsigned(f, var->shape, AXES);
}

/* ---- expressions ---- */

static void say_taps(Form *f, const RecTaps *t)
{
	uint32_t frames = f->frames->count;
	say(f, "taps %d%d%d r%" PRIu32 " n%" PRIu32 " w%" PRId32 " ", t->circular, t->box, t->pool, t->elements_out,
	    t->count, t->box_weight);
	say_unsigned(f, t->stride, AXES);
	say_signed(f, t->box_low, AXES);
	say_unsigned(f, t->box_size, AXES);
	for (uint32_t i = 0; i < t->count * t->elements_out && t->taps; i++) {
		say(f, "%u:%" PRId32 ":", t->taps[i].r, t->taps[i].weight);
		say_signed(f, t->taps[i].offset, AXES);
	}
	for (uint32_t k = 0; k < frames; k++) {
		if (t->right_strides)
			say_signed(f, t->right_strides[k], AXES);
		if (t->right_shift)
			say_signed(f, t->right_shift[k], AXES);
		if (t->right_low)
			say_signed(f, t->right_low[k], AXES);
		if (t->right_size)
			say_unsigned(f, t->right_size[k], AXES);
	}
}

static void say_map(Form *f, const RecMap *map)
{
	for (uint32_t k = 0; k < f->frames->count; k++)
		for (int a = 0; a < AXES; a++)
			say(f, "%" PRId64 ",%" PRId64 ",%" PRId64 ";", map[k].base, map[k].left[a], map[k].right[a]);
}

/* Of a nonlinearity's arguments only degrees, and which coefficients are zero, decide about instructions. */
static void say_function(Form *f, const Node *node)
{
	say(f, "f%d ", (int)node->as.pointwise.f->id);
	for (uint32_t i = 0; i < node->as.pointwise.arg_count; i++)
		say(f, "%d", scalar_is_zero(node->as.pointwise.args[i]));
	if (node->as.pointwise.arg_count == 1)
		say(f, "=%a", node->as.pointwise.args[0]->value);
}

static void say_expr(Form *f, const Emit *e, const RecExpr *x)
{
	say(f, "(%d%d ", (int)x->op, x->theta);
	if (x->op == REC_OP_INPUT)
		say(f, "%" PRIu32 " %d %d", e->rec->channels, e->rec->vector_input, e->rec->input_theta);
	if (x->op == REC_OP_DUAL)
		say_function(f, x->node);
	if (x->buffer)
		say_memory(f, x->buffer);
	if (x->taps)
		say_taps(f, x->taps);
	if (x->map)
		say_map(f, x->map);
	if (x->var)
		say_factors(f, x->var);
	if (x->edge_weights) /* tables of one layer: nobody else has them */
		say(f, "edges %p ", (const void *)x->edge_weights);
	say(f, "%d%d ", x->diagonal, x->self);
	for (uint32_t i = 0; i < x->coef_count; i++) {
		if (x->coef[i] >= 0)
			say_coef(f, x->coef[i]);
		else
			say(f, "- ");
	}
	if (x->a)
		say_expr(f, e, x->a);
	if (x->b)
		say_expr(f, e, x->b);
	if (x->mean)
		say_expr(f, e, x->mean);
	say(f, ")");
}

/* ---- statements ---- */

static void say_pool(Form *f, const RecPool *p)
{
	say(f, "pool %d ", p->circular);
	say_unsigned(f, p->stride, AXES);
	say_unsigned(f, p->size, AXES);
	say_signed(f, p->low, AXES);
	say_unsigned(f, p->out, AXES);
	say_signed(f, p->box_low, AXES);
	say_signed(f, p->box_high, AXES);
	for (uint32_t k = 0; k < f->frames->count; k++) {
		say_signed(f, p->right_low[k], AXES);
		say_unsigned(f, p->right_size[k], AXES);
		say_unsigned(f, p->right_out[k], AXES);
	}
}

static void say_nest(Form *f, const Emit *e, const RecNest *n)
{
	say(f, "nest %d r%" PRIu32 " %d%d%d ", (int)n->sink, n->elements, n->torus, n->array_mode, n->next);
	say_unsigned(f, n->shape, AXES);
	say_disp(f, &n->disp);
	if (n->target)
		say_memory(f, n->target);
	if (n->map)
		say_map(f, n->map);
	if (n->pool)
		say_pool(f, n->pool);
	if (n->left_offset)
		say_signed(f, n->left_offset, AXES);
	for (uint32_t k = 0; n->right_offset && k < f->frames->count; k++)
		say_signed(f, n->right_offset[k], AXES);
	say_expr(f, e, n->value);
}

static bool has_halo(const RecBuffer *b)
{
	for (int a = 0; a < AXES; a++)
		if (b->halo_low[a] || b->halo_high[a])
			return true;
	return false;
}

static bool say_statement(Form *f, const Emit *e, const RecStmt *s)
{
	switch (s->kind) {
	case REC_NEST:
		say_nest(f, e, &s->as.nest);
		return true;
	case REC_ROWS:
		for (uint32_t k = 0; k < s->as.rows.count; k++) {
			say(f, "lead %" PRId32 " ", s->as.rows.lead[k]);
			say_nest(f, e, &s->as.rows.nests[k]);
		}
		return true;
	case REC_HALO:
		say(f, "halo %d ", s->as.halo.next);
		say_memory(f, s->as.halo.buffer);
		say_disp(f, &s->as.halo.disp);
		return has_halo(s->as.halo.buffer);
	case REC_CLEAR:
	case REC_LOOP_FRAMES:
	case REC_LOOP_DISP:
	case REC_LOOP_REPEAT:
	case REC_LOOP_WRAP:
		break;
	}
	return false;
}

bool emit_form(Arena *arena, const Emit *e, const RecStmt *s, Form *form)
{
	*form = (Form){.arena = arena, .frames = e->frames};
	say(form, "%u %d%d%d ", e->cg->lanes, e->theta, e->pair, e->rec->noisy);
	if (e->frames->group) /* one group stands for all that are equal: tables of elements are its own */
		say(form, "group %p ", (const void *)e->frames->group);
	for (uint32_t k = 0; k < e->frames->count; k++)
		say(form, "q%u ", e->frames->q[k]);
	return say_statement(form, e, s);
}
