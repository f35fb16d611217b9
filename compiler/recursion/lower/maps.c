/* Maps of the index without weights: window pools, global pools, flatten. */
#include "recursion/lower/lower.h"

static RecExpr *window_pool(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	/* Variances: pairs that are whole arrays gather their windows, and K(x, x) must have the bits of the variance. */
	if (l->options->no_slices && !l->region->schedule->all_pairs)
		return lower_want(l, WANT_PLAIN, node, disp, torus);
	RecExpr *value = l->region->schedule->window_pool(l, node, disp, torus);
	if (!node->as.map.mean)
		return value;
	if (node->as.map.normalize_edges) {
		RecExpr *e = lower_expr(l, REC_OP_EDGES, node, value, NULL);
		e->edge_weights = lower_edge_weights(l, node);
		return e;
	}
	double cells = 1;
	for (uint32_t a = 0; a < node->input->type.dim; a++)
		cells *= node->as.map.window.size[a];
	return lower_scaled(l, node, value, 1 / (cells * cells));
}

/* Normalisation of a sum over pairs: mean over both sides, over r and q. */
static RecExpr *global_pool(Lower *l, const Node *node, RecDisp disp, bool wrap)
{
	bool elements = node_has_map(node, MAP_POOL) && node->as.map.over == POOL_ELEMENTS;
	bool to_grid = node->type.domain == DOMAIN_GRID;
	const Node *input = node->input;
	double positions = (double)type_positions(&input->type);
	double order = (double)type_elements(&input->type);
	double indexed = lower_elements(l, input); /* r is summed explicitly, or all r are equal */
	RecExpr *value = lower_want(l, to_grid ? WANT_ELEMENTS : WANT_SUM, node, disp, wrap);
	double scale;
	if (node->as.map.kind == MAP_FLATTEN)
		scale = 1 / (positions * indexed);
	else if (node->as.map.mean)
		scale = elements ? 1 / (order * indexed)
				 : 1 / (positions * positions *
					(node->type.domain == DOMAIN_GROUP ? 1 : order * indexed));
	else /* a sum: sum over r and r' of K = order / indexed * sum over q and the r at hand */
		scale = node->type.domain == DOMAIN_GROUP ? 1 : order / indexed;
	if (scale == 1)
		return value;
	return lower_scaled(l, node, value, scale);
}

RecExpr *lower_map(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	return node->as.map.kind == MAP_WINDOW ? window_pool(l, node, disp, torus) : global_pool(l, node, disp, torus);
}
