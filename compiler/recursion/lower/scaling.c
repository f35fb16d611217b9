/* Layers that multiply what arrives by numbers made of a sample's own variances. */
#include "recursion/lower/lower.h"

/* ---- layernorm [KR-64] ---- */

/* The mean of a stored variance over positions, and over elements: a sum, made before the nest that takes it. */
static RecExpr *mean_over_positions(Lower *l, const Node *node, RecDisp disp, RecBuffer *variance)
{
	RecBuffer *sum = lower_buffer(l, REC_SUM, node, false);
	if (node->as.scaling.elements)
		sum->elements = 1; /* every element adds to the one */
	lower_append(l, REC_CLEAR)->as.clear.buffer = sum;
	lower_nest(l, node, disp, false, lower_load(l, variance), REC_SINK_SUM, sum);
	RecExpr *e = lower_expr(l, REC_OP_SUM, node, NULL, NULL);
	e->buffer = sum;
	double elements = sum->elements == 1 ? lower_elements(l, node) : 1;
	return lower_scaled(l, node, e, 1 / ((double)type_positions(&node->type) * elements));
}

/* The mean over elements at each position. */
static RecExpr *mean_over_elements(Lower *l, const Node *node, RecDisp disp, RecBuffer *variance)
{
	RecBuffer *sum = lower_buffer(l, REC_ARRAY, node, false);
	sum->elements = 1;
	sum->entries = (uint64_t)sum->shape[0] * sum->shape[1] * sum->shape[2];
	RecMap *map = ARENA_NEW(l->arena, RecMap); /* of the pairs (t, t) */
	map->left[0] = (int64_t)sum->shape[1] * sum->shape[2];
	map->left[1] = sum->shape[2];
	map->left[2] = 1;
	lower_append(l, REC_CLEAR)->as.clear.buffer = sum;
	lower_nest(l, node, disp, false, lower_load(l, variance), REC_SINK_ELEMENTS, sum)->map = map;
	RecExpr *e = lower_expr(l, REC_OP_ARRAY, node, NULL, NULL);
	e->buffer = sum;
	e->map = map;
	return lower_scaled(l, node, e, 1.0 / lower_elements(l, node));
}

static RecExpr *layernorm(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	bool makes = l->mode == LOWER_DIAGONAL;
	bool over_elements = node->as.scaling.elements && lower_elements(l, node) > 1;
	RecExpr *input, *mean = NULL;
	if (makes && (node->as.scaling.positions || over_elements)) {
		RecBuffer *variance = lower_stored(l, node->input, disp, torus);
		input = lower_load(l, variance);
		mean = node->as.scaling.positions ? mean_over_positions(l, node, disp, variance)
						  : mean_over_elements(l, node, disp, variance);
	} else {
		input = lower_instance(l, node->input, disp, torus);
	}
	RecExpr *e = lower_expr(l, REC_OP_NORM, node, input, NULL);
	e->mean = mean;
	e->var = l->var_of[node->id];
	e->diagonal = makes;
	lower_coefs(l, e, 1);
	e->coef[0] = lower_coef(l, node->as.scaling.eps);
	return e;
}

/* ---- dropout [KR-61] ---- */

static RecExpr *dropout(Lower *l, const Node *node, RecExpr *input)
{
	if (!node->as.scaling.train)
		return input;
	RecExpr *e = lower_expr(l, REC_OP_NOISE, node, input, NULL);
	e->self = l->mode != LOWER_PAIR;
	l->program->noisy = true;
	lower_coefs(l, e, 1);
	const Scalar *one = scalar_const(l->arena, 1);
	e->coef[0] = lower_coef(l, scalar_op(l->arena, SCALAR_DIV, one, node->as.scaling.keep, NULL));
	return e;
}

RecExpr *lower_scaling(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	switch (node->as.scaling.kind) {
	case SCALING_LAYERNORM:
		return layernorm(l, node, disp, torus);
	case SCALING_DROPOUT:
		return dropout(l, node, lower_instance(l, node->input, disp, torus));
	}
	ICE("unknown scaling");
}
