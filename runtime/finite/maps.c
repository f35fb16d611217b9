/* Index maps of weight layers and matrices of pools, from the definitions [KR-3] to [KR-8]. */
#include "base/diag.h"
#include "finite/internal.h"

static uint64_t cell_count(const Node *node)
{
	uint64_t cells = 1;
	for (uint32_t a = 0; a < node->type.dim; a++)
		cells *= node->as.map.window.size[a];
	return cells;
}

uint64_t finite_entries(const Node *node)
{
	uint64_t outputs = type_size(&node->type);
	if (node->kind == NODE_WEIGHTS && node->as.weights.relation != RELATION_OWN)
		return outputs * node->as.weights.support.count;
	if (node_has_map(node, MAP_WINDOW))
		return outputs * cell_count(node);
	return node_has_map(node, MAP_POOL) ? type_size(&node->input->type) : 0;
}

static void read_cell(const Reading *how, const uint32_t *cell, uint32_t element, int64_t *map)
{
	bool between = !index_map(how, cell, element, map);
	if (between)
		ICE("a turned cell falls between positions");
}

TapMaps *finite_tap_maps(Arena *arena, const Node *node)
{
	TapMaps *taps = ARENA_NEW(arena, TapMaps);
	taps->taps = 1;
	if (node->as.weights.relation == RELATION_OWN)
		return taps;
	const Support *support = &node->as.weights.support;
	Reading how = {&node->input->type, &node->type, &node->as.weights.window, node->as.weights.relation != RELATION_CONV};
	uint64_t outputs = type_size(&node->type);
	int64_t *maps = ARENA_ARRAY(arena, int64_t, outputs * support->count);
	for (uint32_t s = 0; s < support->count; s++)
		read_cell(&how, support->taps[s].cell, support->taps[s].element, maps + s * outputs);
	*taps = (TapMaps){support->count, maps};
	return taps;
}

static PoolMatrix *new_matrix(Arena *arena, uint64_t rows, uint64_t entries)
{
	PoolMatrix *matrix = ARENA_NEW(arena, PoolMatrix);
	matrix->start = ARENA_ARRAY(arena, uint64_t, rows + 1);
	matrix->columns = ARENA_ARRAY(arena, uint64_t, entries + 1);
	matrix->weights = ARENA_ARRAY(arena, double, entries + 1);
	return matrix;
}

/* [KR-7] The mean divides by all cells of the window, or by those inside the grid. */
static PoolMatrix *window_matrix(Arena *arena, const Node *node)
{
	const Window *w = &node->as.map.window;
	Reading how = {&node->input->type, &node->type, w, false};
	uint64_t outputs = type_size(&node->type), cells = cell_count(node), count = 0;
	int64_t *maps = ARENA_ARRAY(arena, int64_t, outputs * cells);
	for (uint64_t v = 0; v < cells; v++) {
		uint32_t cell[GRID_MAX_DIM] = {0};
		uint64_t rest = v;
		for (uint32_t a = node->type.dim; a-- > 0; rest /= w->size[a])
			cell[a] = (uint32_t)(rest % w->size[a]);
		read_cell(&how, cell, 0, maps + v * outputs);
	}
	bool inside_only = node->as.map.normalize_edges && w->padding == PADDING_SAME;
	PoolMatrix *matrix = new_matrix(arena, outputs, outputs * cells);
	for (uint64_t g = 0; g < outputs; g++) {
		matrix->start[g] = count;
		for (uint64_t v = 0; v < cells; v++)
			if (maps[v * outputs + g] != READS_NOTHING)
				matrix->columns[count++] = (uint64_t)maps[v * outputs + g];
		uint64_t members = inside_only ? count - matrix->start[g] : cells;
		for (uint64_t i = matrix->start[g]; i < count; i++)
			matrix->weights[i] = node->as.map.mean ? 1 / (double)members : 1;
	}
	matrix->start[outputs] = count;
	return matrix;
}

/* [KR-8] Which indices of the input belong to output g: a range, or one of every `stride`. */
static PoolMatrix *global_matrix(Arena *arena, const Node *node)
{
	uint64_t inputs = type_size(&node->input->type), positions = type_positions(&node->input->type);
	uint64_t outputs = type_size(&node->type), members = inputs / outputs, count = 0;
	PoolMatrix *matrix = new_matrix(arena, outputs, inputs);
	for (uint64_t g = 0; g < outputs; g++) {
		matrix->start[g] = count;
		for (uint64_t i = 0; i < members; i++) {
			bool strided = node->as.map.over == POOL_ELEMENTS; /* flat order: elements slowest */
			matrix->columns[count] = strided ? i * positions + g : g * members + i;
			matrix->weights[count++] = node->as.map.mean ? 1 / (double)members : 1;
		}
	}
	matrix->start[outputs] = count;
	return matrix;
}

PoolMatrix *finite_pool_matrix(Arena *arena, const Node *node)
{
	return node->as.map.kind == MAP_POOL ? global_matrix(arena, node) : window_matrix(arena, node);
}
