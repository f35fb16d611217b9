#include "build_network.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

void build_start(Build *b)
{
	*b = (Build){.arena = arena_create()};
}

void build_end(Build *b)
{
	arena_destroy(b->arena);
}

static Node *add(Build *b, NodeKind kind, const char *label, Node *in, Type type)
{
	ENTK_ASSERT(b->count < BUILD_MAX_NODES);
	Node *node = ARENA_NEW(b->arena, Node);
	*node = (Node){.kind = kind, .id = b->count, .label = label, .type = type, .input = in};
	b->nodes[b->count++] = node;
	return node;
}

Node *build_vector(Build *b, uint32_t n)
{
	Type type = {.domain = DOMAIN_VECTOR, .shape = {1, 1, 1}, .channels = n, .theta_zero = true};
	return b->input = add(b, NODE_INPUT, "vector", NULL, type);
}

Node *build_grid(Build *b, uint32_t dim, const uint32_t *shape, uint32_t channels)
{
	Type type = {.domain = DOMAIN_GRID, .dim = dim, .shape = {1, 1, 1}, .channels = channels, .theta_zero = true};
	memcpy(type.shape, shape, dim * sizeof *shape);
	return b->input = add(b, NODE_INPUT, grid_name(dim), NULL, type);
}

Node *build_image(Build *b, uint32_t height, uint32_t width, uint32_t channels)
{
	return build_grid(b, 2, (uint32_t[]){height, width}, channels);
}

static Affine affine(Build *b, double weight_std, double bias_std)
{
	return (Affine){
		.weight_std = scalar_const(b->arena, weight_std != 0 ? weight_std : 1),
		.bias_std = bias_std != 0 ? scalar_const(b->arena, bias_std) : NULL,
	};
}

static Type weighted(Type type)
{
	type.channels = 0;
	type.gaussian = type.centred = true;
	type.theta_zero = false;
	return type;
}

Node *build_dense(Build *b, Node *in, double weight_std, double bias_std)
{
	Node *node = add(b, NODE_WEIGHTS, "dense", in, weighted(in->type));
	node->as.weights.relation = RELATION_OWN;
	node->as.weights.affine = affine(b, weight_std, bias_std);
	return node;
}

static Window window_of(Type *type, uint32_t size, uint32_t stride, uint32_t dilation, Padding padding)
{
	Window w = {.size = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .padding = padding};
	for (uint32_t a = 0; a < type->dim && type->domain != DOMAIN_GROUP; a++) {
		w.size[a] = size;
		w.stride[a] = stride;
		w.dilation[a] = dilation;
		bool fits = window_axis(type->shape[a], size, stride, dilation, padding, &type->shape[a], &w.low[a]);
		ENTK_ASSERT(fits);
	}
	return w;
}

static Support support_of(Build *b, const Window *w, uint32_t order, const Filter *f)
{
	uint32_t cells = w->size[0] * w->size[1] * w->size[2];
	Tap *taps = ARENA_ARRAY(b->arena, Tap, (size_t)cells * order);
	uint32_t count = 0;
	for (uint32_t h = 0; h < order; h++) {
		for (uint32_t i = 0; i < cells; i++) {
			if (f->mask != NULL && f->elements > 0 && (h >= f->elements || f->mask[h * cells + i] != 'x'))
				continue;
			if (f->mask != NULL && f->elements == 0 && f->mask[i] != 'x')
				continue;
			taps[count++] = (Tap){
				.element = (uint16_t)h,
				.cell = {i / w->size[2] / w->size[1], i / w->size[2] % w->size[1], i % w->size[2]},
			};
		}
	}
	return (Support){.taps = taps, .count = count, .full = count == cells * order};
}

Node *build_filter(Build *b, Node *in, const char *group, Filter f)
{
	Type type = weighted(in->type);
	Relation relation = RELATION_CONV;
	Window w = window_of(&type, f.size != 0 ? f.size : 1, f.stride != 0 ? f.stride : 1,
			     f.dilation != 0 ? f.dilation : 1, f.padding);
	uint32_t order = 1;
	if (in->type.group != NULL) {
		relation = RELATION_GROUP;
		order = in->type.group->order;
	} else if (group != NULL) {
		relation = RELATION_LIFT;
		type.domain = DOMAIN_GROUP_GRID;
		type.group = group_builtin(b->arena, group, type.dim);
		ENTK_ASSERT(type.group != NULL);
	}
	Node *node = add(b, NODE_WEIGHTS, relation == RELATION_LIFT ? "lift" : "conv", in, type);
	node->as.weights.relation = relation;
	node->as.weights.affine = affine(b, f.weight_std, f.bias_std);
	node->as.weights.window = w;
	node->as.weights.support = support_of(b, &w, order, &f);
	return node;
}

Node *build_window_pool(Build *b, Node *in, uint32_t size, uint32_t stride, Padding padding, bool mean, bool normalize)
{
	Type type = in->type;
	Window w = window_of(&type, size, stride, 1, padding);
	Node *node = add(b, NODE_MAP, mean ? "avgpool" : "sumpool", in, type);
	node->as.map.kind = MAP_WINDOW;
	node->as.map.window = w;
	node->as.map.mean = mean;
	node->as.map.normalize_edges = normalize;
	return node;
}

static Type as_vector(Type type)
{
	type.domain = DOMAIN_VECTOR;
	type.dim = 0;
	type.group = NULL;
	type.shape[0] = type.shape[1] = type.shape[2] = 1;
	return type;
}

Node *build_pool(Build *b, Node *in, PoolOver over, bool mean)
{
	Type type = in->type;
	if (over == POOL_EVERYTHING) {
		type = as_vector(type);
	} else if (over == POOL_ELEMENTS) {
		type.domain = DOMAIN_GRID;
		type.group = NULL;
	} else {
		type.domain = DOMAIN_GROUP;
		type.shape[0] = type.shape[1] = type.shape[2] = 1;
	}
	Node *node = add(b, NODE_MAP, mean ? "pool" : "sum_pool", in, type);
	node->as.map.kind = MAP_POOL;
	node->as.map.over = over;
	node->as.map.mean = mean;
	return node;
}

Node *build_flatten(Build *b, Node *in)
{
	Type type = as_vector(in->type);
	type.gaussian = false;
	Node *node = add(b, NODE_MAP, "flatten", in, type);
	node->as.map.kind = MAP_FLATTEN;
	return node;
}

Node *build_pointwise(Build *b, Node *in, NonlinearityId id, const double *args, uint32_t count)
{
	Type type = in->type;
	Node *node = add(b, NODE_POINTWISE, nonlinearities[id].name, in, type);
	const Scalar **list = ARENA_ARRAY(b->arena, const Scalar *, count);
	for (uint32_t i = 0; i < count; i++)
		list[i] = scalar_const(b->arena, args[i]);
	node->as.pointwise.f = &nonlinearities[id];
	node->as.pointwise.args = list;
	node->as.pointwise.arg_count = count;
	node->type.gaussian = false;
	node->type.centred = type.centred && node_is_odd(node);
	return node;
}

Node *build_abrelu(Build *b, Node *in, double alpha, double beta)
{
	return build_pointwise(b, in, NONLINEARITY_abrelu, (double[]){alpha, beta}, 2);
}

Node *build_relu(Build *b, Node *in)
{
	return build_abrelu(b, in, 0, 1);
}

Node *build_erf(Build *b, Node *in, double scale, double slope, double shift)
{
	return build_pointwise(b, in, NONLINEARITY_erf, (double[]){scale, slope, shift}, 3);
}

Node *build_sum(Build *b, Node *left, Node *right)
{
	Node *node = add(b, NODE_JOIN, "+", NULL, left->type);
	node->as.join.kind = JOIN_SUM;
	node->as.join.branches = ARENA_ARRAY(b->arena, Node *, 2);
	node->as.join.branches[0] = left;
	node->as.join.branches[1] = right;
	node->as.join.count = 2;
	return node;
}

Node *build_hole(Build *b, Node *in)
{
	return add(b, NODE_HOLE, "repeat", NULL, in->type);
}

Node *build_repeat(Build *b, Node *in, Node *hole, Node *body, uint32_t count)
{
	Node *node = add(b, NODE_REPEAT, "^", in, body->type);
	node->as.repeat.hole = hole;
	node->as.repeat.body = body;
	node->as.repeat.count = count;
	return node;
}

Node *build_augment(Build *b, Node *inner, const char *group)
{
	Node *node = add(b, NODE_AUGMENT, "augment", NULL, inner->type);
	node->as.augment.inner = inner;
	node->as.augment.group = group_builtin(b->arena, group, b->input->type.dim);
	ENTK_ASSERT(node->as.augment.group != NULL);
	return node;
}

Network *build_network(Build *b, Node *output)
{
	Network *network = ARENA_NEW(b->arena, Network);
	*network =
		(Network){.name = "n", .input = b->input, .output = output, .nodes = b->nodes, .node_count = b->count};
	return network;
}

void fill_random(double *x, size_t count, uint64_t seed)
{
	for (size_t i = 0; i < count; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		x[i] = (double)(int64_t)(seed >> 11) / 4503599627370496.0 - 1;
	}
}
