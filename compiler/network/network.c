/* Shared questions about types and nodes of the network. */
#include "network/network.h"

#include "base/diag.h"
#include "network/nonlinearity.h"

uint64_t type_positions(const Type *type)
{
	if (!type_has_positions(type))
		return 1;
	uint64_t count = 1;
	for (uint32_t a = 0; a < type->dim; a++)
		count *= type->shape[a];
	return count;
}

const char *grid_name(uint32_t dim)
{
	static const char *const names[] = {"vector", "signal", "image", "volume"};
	ENTK_ASSERT(dim <= GRID_MAX_DIM);
	return names[dim];
}

/* ---- types ---------------------------------------------------------------------------------------------------- */

bool type_has_positions(const Type *type)
{
	return type->domain == DOMAIN_GRID || type->domain == DOMAIN_GROUP_GRID;
}

bool type_has_elements(const Type *type)
{
	return type->domain == DOMAIN_GROUP_GRID || type->domain == DOMAIN_GROUP;
}

uint32_t type_dim(const Type *type)
{
	return type_has_positions(type) ? type->dim : 0;
}

uint64_t type_elements(const Type *type)
{
	return type_has_elements(type) ? type->group->order : 1;
}

uint64_t type_size(const Type *type)
{
	return type_positions(type) * type_elements(type);
}

static char *shape_text(Arena *arena, const Type *type)
{
	const uint32_t *n = type->shape;
	if (type->dim == 1)
		return arena_printf(arena, "%s %u", grid_name(type->dim), n[0]);
	if (type->dim == 2)
		return arena_printf(arena, "%s %ux%u", grid_name(type->dim), n[0], n[1]);
	return arena_printf(arena, "%s %ux%ux%u", grid_name(type->dim), n[0], n[1], n[2]);
}

char *type_text(Arena *arena, const Type *type)
{
	switch (type->domain) {
	case DOMAIN_VECTOR:
		return arena_printf(arena, "vector");
	case DOMAIN_GRID:
		return shape_text(arena, type);
	case DOMAIN_GROUP_GRID:
		return arena_printf(arena, "%s over %s", type->group->name, shape_text(arena, type));
	case DOMAIN_GROUP:
		return arena_printf(arena, "%s", type->group->name);
	}
	ICE("unknown domain");
}

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

uint32_t node_inputs(const Node *node, Node *const **inputs)
{
	if (node->kind == NODE_JOIN) {
		*inputs = node->as.join.branches;
		return node->as.join.count;
	}
	*inputs = &node->input;
	return node->input != NULL;
}

bool node_has_relation(const Node *node, Relation relation)
{
	return node->kind == NODE_WEIGHTS && node->as.weights.relation == relation;
}

bool node_has_map(const Node *node, MapKind map)
{
	return node->kind == NODE_MAP && node->as.map.kind == map;
}

bool node_joins_by(const Node *node, JoinKind join)
{
	return node->kind == NODE_JOIN && node->as.join.kind == join;
}

const Window *node_window(const Node *node)
{
	if (node->kind == NODE_WEIGHTS && node->as.weights.relation != RELATION_OWN)
		return &node->as.weights.window;
	return node_has_map(node, MAP_WINDOW) ? &node->as.map.window : NULL;
}

bool node_moves(const Node *node)
{
	return node->kind == NODE_MAP || (node->kind == NODE_WEIGHTS && node->as.weights.relation != RELATION_OWN);
}

bool node_gathers(const Node *node)
{
	return node->kind == NODE_MAP || node->kind == NODE_AUGMENT;
}

static const char *weights_text(Relation relation)
{
	switch (relation) {
	case RELATION_OWN:
		return "dense";
	case RELATION_CONV:
		return "conv";
	case RELATION_LIFT:
		return "lift";
	case RELATION_GROUP:
		return "group conv";
	}
	ICE("unknown relation");
}

static const char *map_text(MapKind map)
{
	switch (map) {
	case MAP_WINDOW:
		return "window pool";
	case MAP_POOL:
		return "pool";
	case MAP_FLATTEN:
		return "flatten";
	}
	ICE("unknown map");
}

static const char *join_text(JoinKind join)
{
	switch (join) {
	case JOIN_SUM:
		return "sum";
	case JOIN_PRODUCT:
		return "product";
	case JOIN_CONCAT:
		return "concat";
	}
	ICE("unknown join");
}

const char *node_text(const Node *node)
{
	switch (node->kind) {
	case NODE_INPUT:
		return "input";
	case NODE_HOLE:
		return "hole";
	case NODE_REPEAT:
		return "repeat";
	case NODE_AUGMENT:
		return "augment";
	case NODE_POINTWISE:
		return node->as.pointwise.f->name;
	case NODE_WEIGHTS:
		return weights_text(node->as.weights.relation);
	case NODE_MAP:
		return map_text(node->as.map.kind);
	case NODE_SCALING:
		return node->as.scaling.kind == SCALING_LAYERNORM ? "layernorm" : "dropout";
	case NODE_JOIN:
		return join_text(node->as.join.kind);
	case NODE_KIND_COUNT:
		break;
	}
	ICE("unknown kind of node");
}
