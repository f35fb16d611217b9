/* --emit=network: a table per net and the groups it uses; --emit=dot: a graph.
 *
 * The table is stable text for tests: no addresses, no absolute paths, nodes by id. */
#include "network/network.h"

#include <string.h>

#include "base/diag.h"
#include "base/number.h"
#include "network/nonlinearity.h"

/* ---- arguments ------------------------------------------------------------------------------------------------ */

typedef struct Printer {
	Arena *arena;
	const Program *program;
	const char **param_names;
} Printer;

static char *number_text(const Printer *p, const Scalar *number)
{
	return scalar_text(p->arena, number, p->param_names);
}

static char *dims_text(const Printer *p, uint32_t dim, const uint32_t *n)
{
	if (dim == 1)
		return arena_printf(p->arena, "%u", n[0]);
	if (dim == 2)
		return arena_printf(p->arena, "%ux%u", n[0], n[1]);
	return arena_printf(p->arena, "%ux%ux%u", n[0], n[1], n[2]);
}

static bool all_ones(uint32_t dim, const uint32_t *n)
{
	for (uint32_t a = 0; a < dim; a++)
		if (n[a] != 1)
			return false;
	return true;
}

static const char *padding_text(Padding padding)
{
	static const char *const texts[] = {"valid", "same", "circular"};
	return texts[padding];
}

static char *affine_text(const Printer *p, const Affine *affine)
{
	const char *weight = number_text(p, affine->weight_std);
	char *text = arena_printf(p->arena, "weight_std=%s", weight);
	if (affine->bias_std != NULL)
		text = arena_printf(p->arena, "%s bias_std=%s", text, number_text(p, affine->bias_std));
	if (affine->standard)
		text = arena_printf(p->arena, "%s standard s=[%u, %u]", text, affine->s[0], affine->s[1]);
	return text;
}

static char *pointwise_text(const Printer *p, const Node *node)
{
	char *text = arena_printf(p->arena, "%s", "");
	for (uint32_t i = 0; i < node->as.pointwise.arg_count; i++)
		text = arena_printf(p->arena, "%s%s%s=%s", text, i == 0 ? "" : " ",
				    node_argument_name(p->arena, node, i), number_text(p, node->as.pointwise.args[i]));
	return text;
}

static char *window_text(const Printer *p, const Window *w, uint32_t dim)
{
	char *text = arena_printf(p->arena, "%s stride=%s %s", dims_text(p, dim, w->size), dims_text(p, dim, w->stride),
				  padding_text(w->padding));
	if (!all_ones(dim, w->dilation))
		text = arena_printf(p->arena, "%s dilation=%s", text, dims_text(p, dim, w->dilation));
	return text;
}

/* The taps as "element:row.column", only for supports that are not full; without cells on a bare H. */
static char *support_text(const Printer *p, const Support *s, uint32_t dim, bool on_group)
{
	if (s->full)
		return arena_printf(p->arena, "taps=%u", s->count);
	char *text = arena_printf(p->arena, "taps=%u {", s->count);
	for (uint32_t i = 0; i < s->count && i < 12; i++) {
		const Tap *tap = &s->taps[i];
		text = arena_printf(p->arena, "%s%s", text, i == 0 ? "" : " ");
		if (on_group)
			text = arena_printf(p->arena, dim == 0 ? "%s%u" : "%s%u:", text, tap->element);
		for (uint32_t a = 0; a < dim; a++)
			text = arena_printf(p->arena, "%s%s%u", text, a == 0 ? "" : ".", tap->cell[a]);
	}
	return arena_printf(p->arena, "%s%s}", text, s->count > 12 ? " ..." : "");
}

static char *weights_text(const Printer *p, const Node *node)
{
	const char *affine = affine_text(p, &node->as.weights.affine);
	bool on_group = node->as.weights.relation == RELATION_GROUP;
	uint32_t dim = type_dim(&node->type);
	if (node->as.weights.relation == RELATION_OWN)
		return arena_printf(p->arena, "%s", affine);
	const char *support = support_text(p, &node->as.weights.support, dim, on_group);
	if (dim == 0) /* elements alone */
		return arena_printf(p->arena, "%s %s", support, affine);
	return arena_printf(p->arena, "%s %s %s", window_text(p, &node->as.weights.window, dim), support, affine);
}

static char *map_text(const Printer *p, const Node *node)
{
	static const char *const overs[] = {"everything", "positions", "elements"};
	const char *how = node->as.map.mean ? "mean" : "sum";
	switch (node->as.map.kind) {
	case MAP_WINDOW:
		return arena_printf(p->arena, "%s %s%s", window_text(p, &node->as.map.window, node->type.dim), how,
				    node->as.map.normalize_edges ? " normalize_edges" : "");
	case MAP_POOL:
		return arena_printf(p->arena, "%s over %s", how, overs[node->as.map.over]);
	case MAP_FLATTEN:
		return arena_printf(p->arena, "%s", "");
	}
	ICE("unknown map");
}

static char *scaling_text(const Printer *p, const Node *node)
{
	if (node->as.scaling.kind == SCALING_DROPOUT)
		return arena_printf(p->arena, "keep=%s mode=%s", number_text(p, node->as.scaling.keep),
				    node->as.scaling.train ? "train" : "test");
	return arena_printf(p->arena, "over=[channels%s%s] eps=%s", node->as.scaling.positions ? ", positions" : "",
			    node->as.scaling.elements ? ", elements" : "", number_text(p, node->as.scaling.eps));
}

static char *join_text(const Printer *p, const Node *node)
{
	char *text = arena_printf(p->arena, "branches");
	if (node->as.join.kind == JOIN_CONCAT && node->as.join.axis == CONCAT_CHANNELS)
		text = arena_printf(p->arena, "channels of branches");
	else if (node->as.join.kind == JOIN_CONCAT)
		text = arena_printf(p->arena, "axis %u of branches", node->as.join.axis);
	for (uint32_t i = 0; i < node->as.join.count && i < 16; i++) {
		const Node *branch = node->as.join.branches[i];
		text = arena_printf(p->arena, "%s #%u", text, branch->id);
		if (node->as.join.kind == JOIN_CONCAT && node->as.join.axis == CONCAT_CHANNELS)
			text = arena_printf(p->arena, "%s (%u)", text, branch->type.width);
	}
	return node->as.join.count > 16 ? arena_printf(p->arena, "%s ...", text) : text;
}

static char *arguments_text(const Printer *p, const Node *node)
{
	switch (node->kind) {
	case NODE_INPUT:
		return arena_printf(p->arena, "channels=%u", node->type.channels);
	case NODE_HOLE:
		return arena_printf(p->arena, "%s", "");
	case NODE_REPEAT:
		return arena_printf(p->arena, "%u times #%u to #%u", node->as.repeat.count, node->as.repeat.hole->id,
				    node->as.repeat.body->id);
	case NODE_AUGMENT:
		return arena_printf(p->arena, "group %s over #%u", node->as.augment.group->name,
				    node->as.augment.inner->id);
	case NODE_POINTWISE:
		return pointwise_text(p, node);
	case NODE_WEIGHTS:
		return weights_text(p, node);
	case NODE_MAP:
		return map_text(p, node);
	case NODE_SCALING:
		return scaling_text(p, node);
	case NODE_JOIN:
		return join_text(p, node);
	case NODE_KIND_COUNT:
		break;
	}
	ICE("unknown kind of node");
}

static const char *flags_text(const Type *type)
{
	static const char *const texts[] = {"- - -", "G - -", "- C -", "G C -", "- - Z", "G - Z", "- C Z", "G C Z"};
	return texts[(type->gaussian ? 1 : 0) + (type->centred ? 2 : 0) + (type->theta_zero ? 4 : 0)];
}

static char *input_text(const Printer *p, const Node *node)
{
	return node->input != NULL ? arena_printf(p->arena, "#%u", node->input->id) : arena_printf(p->arena, "-");
}

/* Labels stand only where they say more than the kind: "relu" for an abrelu. */
static const char *shown_label(const Node *node)
{
	bool more = node->label != NULL && !node_joins_by(node, JOIN_SUM) && node->kind != NODE_REPEAT;
	return more ? node->label : node_text(node);
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

static const Group *group_of(const Node *node)
{
	return node->kind == NODE_AUGMENT ? node->as.augment.group : node->type.group;
}

static void print_groups(const Printer *p, const Network *network, FILE *to)
{
	const Group **seen = ARENA_ARRAY(p->arena, const Group *, network->node_count);
	uint32_t count = 0;
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Group *group = group_of(network->nodes[i]);
		bool known = group == NULL;
		for (uint32_t k = 0; k < count && !known; k++) /* a net has few groups */
			known = seen[k] == group ||
				(strcmp(seen[k]->name, group->name) == 0 && group_equal(seen[k], group));
		if (known)
			continue;
		seen[count++] = group;
		fprintf(to, "  group %s on %ss, %u element%s\n", group->name, grid_name(group->dim), group->order,
			group->order == 1 ? "" : "s");
		for (uint32_t h = 0; h < group->order; h++)
			fprintf(to, "    %2u  %s\n", h, grid_element_name(p->arena, group->dim, group->elements[h]));
	}
}

/* line:column, with the file's path where it is not the net's own file. */
static char *where_text(const Printer *p, const Network *network, Span span)
{
	const SourceSet *sources = p->program->sources;
	if (sources == NULL || span.file >= sources->count)
		return arena_printf(p->arena, "-");
	SourcePlace place = source_place(&sources->files[span.file], span.begin);
	if (span.file == network->span.file)
		return arena_printf(p->arena, "%u:%u", place.line, place.column);
	return arena_printf(p->arena, "%s:%u:%u", sources->files[span.file].path, place.line, place.column);
}

#define COLUMNS 8

static void print_network(const Printer *p, const Network *network, FILE *to)
{
	static const char *const heads[COLUMNS] = {"id",     "input", "layer", "kind",
						   "domain", "flags", "where", "arguments"};
	uint32_t rows = network->node_count + 1;
	const char **cells = ARENA_ARRAY(p->arena, const char *, (size_t)rows *COLUMNS);
	size_t width[COLUMNS] = {0};
	for (uint32_t c = 0; c < COLUMNS; c++)
		cells[c] = heads[c];
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		const char **row = cells + (size_t)(i + 1) * COLUMNS;
		row[0] = arena_printf(p->arena, "#%u", node->id);
		row[1] = input_text(p, node);
		row[2] = shown_label(node);
		row[3] = node_text(node);
		row[4] = type_text(p->arena, &node->type);
		row[5] = flags_text(&node->type);
		row[6] = where_text(p, network, node->span);
		row[7] = arguments_text(p, node);
	}
	for (size_t k = 0; k < (size_t)rows * COLUMNS; k++)
		if (strlen(cells[k]) > width[k % COLUMNS])
			width[k % COLUMNS] = strlen(cells[k]);
	fprintf(to, "net %s\n", network->name);
	for (uint32_t r = 0; r < rows; r++) {
		const char **row = cells + (size_t)r * COLUMNS;
		fprintf(to, " ");
		for (uint32_t c = 0; c < COLUMNS - 2; c++)
			fprintf(to, " %-*s ", (int)width[c], row[c]);
		if (row[COLUMNS - 1][0] == 0) /* no blanks at the end of a line */
			fprintf(to, " %s\n", row[COLUMNS - 2]);
		else
			fprintf(to, " %-*s  %s\n", (int)width[COLUMNS - 2], row[COLUMNS - 2], row[COLUMNS - 1]);
	}
	print_groups(p, network, to);
	fprintf(to, "  output #%u\n", network->output->id);
}

static Printer make_printer(Arena *arena, const Program *program)
{
	Printer printer = {.arena = arena, .program = program};
	printer.param_names = ARENA_ARRAY(arena, const char *, program->param_count);
	for (uint32_t i = 0; i < program->param_count; i++)
		printer.param_names[i] = program->params[i].name;
	return printer;
}

void network_print(const Program *program, FILE *to)
{
	Arena *arena = arena_create();
	Printer printer = make_printer(arena, program);
	char number[ENTK_NUMBER_SIZE];
	for (uint32_t i = 0; i < program->param_count; i++)
		fprintf(to, "param %s = %s\n", program->params[i].name,
			entk_number_text(program->params[i].value, number));
	for (uint32_t i = 0; i < program->network_count; i++) {
		if (i > 0 || program->param_count > 0)
			fprintf(to, "\n");
		print_network(&printer, program->networks[i], to);
	}
	if (program->network_count > 0)
		fprintf(to, "\nflags: G Gaussian, C centred, Z no parameters yet (Theta = 0)\n");
	arena_destroy(arena);
}

/* ---- the graph ------------------------------------------------------------------------------------------------ */

static void print_edge(FILE *to, uint32_t net, const Node *from, const Node *node, const char *style)
{
	fprintf(to, "    n%u_%u -> n%u_%u%s;\n", net, from->id, net, node->id, style);
}

static void print_graph(const Printer *p, uint32_t index, const Network *network, FILE *to)
{
	fprintf(to, "  subgraph cluster_%u {\n    label=\"%s\";\n", index, network->name);
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i]; /* texts hold no quotes or backslashes: names, numbers, shapes */
		fprintf(to, "    n%u_%u [label=\"%s\\n%s\\n%s\"];\n", index, node->id, shown_label(node),
			arguments_text(p, node), type_text(p->arena, &node->type));
		Node *const *inputs;
		uint32_t count = node_inputs(node, &inputs);
		for (uint32_t k = 0; k < count; k++)
			print_edge(to, index, inputs[k], node, "");
		if (node->kind == NODE_REPEAT) {
			print_edge(to, index, node->as.repeat.body, node, " [style=dashed]");
			print_edge(to, index, node->as.repeat.body, node->as.repeat.hole,
				   " [style=dashed, constraint=false]");
		}
		if (node->kind == NODE_AUGMENT)
			print_edge(to, index, node->as.augment.inner, node, " [style=dashed]");
	}
	fprintf(to, "  }\n");
}

void network_print_dot(const Program *program, FILE *to)
{
	Arena *arena = arena_create();
	Printer printer = make_printer(arena, program);
	fprintf(to, "digraph entk {\n  node [shape=box];\n");
	for (uint32_t i = 0; i < program->network_count; i++)
		print_graph(&printer, i, program->networks[i], to);
	fprintf(to, "}\n");
	arena_destroy(arena);
}
