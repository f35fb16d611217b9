/* Weight layers: their taps, and the affine map behind them. */
#include "recursion/lower/lower.h"

#include <string.h>

/* The taps' sum is `scale` times too large for an average. */
static RecExpr *affine(Lower *l, const Node *node, double scale, RecExpr *input)
{
	const Affine *weights = &node->as.weights.affine;
	RecExpr *e = lower_expr(l, REC_OP_AFFINE, node, input, NULL);
	e->theta = true;
	lower_coefs(l, e, weights->standard ? 4 : 2);
	e->coef[0] = lower_coef(l, lower_times(l, lower_square(l, weights->weight_std), scale));
	if (weights->bias_std)
		e->coef[1] = lower_coef(l, lower_square(l, weights->bias_std));
	if (!weights->standard)
		return e;
	/* [KR-60] c |S| / s0 of the average, and 1 for the bias */
	double taps = node->as.weights.relation == RELATION_OWN ? 1 : node->as.weights.support.count;
	double fan_in = (double)node->input->type.width * taps / weights->s[0];
	e->coef[2] = lower_coef(l, scalar_const(l->arena, fan_in * scale));
	if (weights->bias_std)
		e->coef[3] = lower_coef(l, scalar_const(l->arena, 1));
	return e;
}

/* Does the layer read only its own position, on both sides, without the index r? Then it acts like a dense layer. */
static bool reads_own_position(Lower *l, const Node *node, const Geometry *g)
{
	const RecFrames *frames = l->region->frames;
	const Support *support = &node->as.weights.support;
	if (lower_elements(l, node) > 1 || lower_elements(l, node->input) > 1 ||
	    memcmp(g->in, g->out, sizeof g->in) != 0)
		return false;
	uint32_t dim = type_dim(&node->input->type);
	for (uint32_t a = 0; a < AXES; a++) {
		if (g->stride[a] != 1 && g->out[a] > 1)
			return false;
		for (uint32_t k = 0; k < frames->count; k++)
			if (geometry_right(g, frames->group, frames->q[k]).anchor2[a] != g->anchor2[a])
				return false;
		if (a < AXES - dim)
			continue;
		uint32_t axis = a - (AXES - dim);
		for (uint32_t i = 0; i < support->count; i++)
			if (g->dilation[a] * (int32_t)support->taps[i].cell[axis] != g->low[a])
				return false;
	}
	return true;
}

static RecExpr *conv(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	double count = node->as.weights.support.count;
	Geometry g = geometry_of(node);
	if (reads_own_position(l, node, &g))
		return affine(l, node, 1.0, lower_instance(l, node->input, disp, torus));

	const Schedule *schedule = l->region->schedule;
	if (torus) {
		bool direct = g.circular;
		for (uint32_t a = 0; a < AXES; a++)
			direct = direct && ((uint64_t)g.stride[a] * g.out[a]) % g.in[a] == 0;
		if (!direct)
			return lower_torus(l, node, disp);
	}
	RecDisp in = schedule->below(l, disp, &g);
	RecBuffer *buffer;
	if (node->as.weights.relation == RELATION_LIFT) {
		/* On plain layers that mix positions the slices of frame q gather from the plain array. */
		RecExpr *value = lower_instance(l, node->input, in, schedule->torus(g.circular));
		bool fits = value->op == REC_OP_LOAD && value->buffer->torus == schedule->torus(g.circular);
		buffer = fits ? value->buffer : lower_keep(l, node->input, in, schedule->torus(g.circular), value);
	} else {
		buffer = lower_stored(l, node->input, in, schedule->torus(g.circular));
	}
	RecExpr *e = lower_expr(l, REC_OP_TAPS, node, NULL, NULL);
	e->buffer = buffer;
	e->theta = buffer->theta;
	e->taps = lower_conv_taps(l, node, lower_elements(l, node->input), lower_elements(l, node));
	schedule->reach(l, buffer, e->taps, &g);
	double box = e->taps->box ? e->taps->box_weight : 1.0;
	return affine(l, node, box / count, e);
}

RecExpr *lower_weights(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	if (node->as.weights.relation != RELATION_OWN)
		return conv(l, node, disp, torus);
	return affine(l, node, 1.0, lower_instance(l, node->input, disp, torus));
}
