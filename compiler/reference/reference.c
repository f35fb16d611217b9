/* The reference evaluator's walk over the network.
 *
 * A *scope* is a set of nodes that are evaluated once per pass: the net itself, the body of a repeat, the inner net of
 * an augmentation. Its nodes are those reached backwards from its output; every node belongs to one scope. A state is
 * freed as soon as the last node of its scope that reads it is done. */
#include "reference/reference.h"

#include <stdlib.h>
#include <string.h>

#include "reference/reference_internal.h"

typedef struct Walk {
	const Network *network;
	const double *params;
	const double *x, *z; /* the pair of samples, turned inside an augmentation */
	bool same;
	State *states;      /* by node id */
	const Node **scope; /* by node id: the output of the node's scope; NULL outside */
	uint32_t *first;    /* by id of a scope's output: the lowest id of the scope */
	uint32_t *readers;  /* by node id: how often it is read in one pass, the scope's output once more */
	uint32_t *unread;   /* by node id: the rest of them in the pass under way */
	const Node **stack;
} Walk;

static ReferenceStatus run_scope(Walk *walk, const Node *output, State *out);

/* ---- scopes --------------------------------------------------------------------------------------------------- */

static void read_by(Walk *walk, const Node *output, const Node *node, uint32_t *depth)
{
	walk->readers[node->id]++;
	if (walk->scope[node->id] == NULL) {
		walk->scope[node->id] = output;
		walk->stack[(*depth)++] = node;
	}
}

/* Marks the nodes of the scope that ends at `output`. */
static void find_scope(Walk *walk, const Node *output)
{
	uint32_t depth = 0;
	walk->first[output->id] = output->id;
	read_by(walk, output, output, &depth);
	while (depth > 0) {
		const Node *node = walk->stack[--depth];
		if (node->id < walk->first[output->id])
			walk->first[output->id] = node->id;
		if (node->kind == NODE_SUM)
			for (uint32_t i = 0; i < node->as.sum.count; i++)
				read_by(walk, output, node->as.sum.branches[i], &depth);
		else if (node->input != NULL)
			read_by(walk, output, node->input, &depth);
	}
}

/* Outer scopes have higher ids than the scopes inside them: one pass from the end finds all. */
static void find_scopes(Walk *walk, const Node *output)
{
	find_scope(walk, output);
	for (uint32_t id = output->id + 1; id-- > 0;) {
		const Node *node = walk->network->nodes[id];
		if (walk->scope[id] == NULL)
			continue;
		if (node->kind == NODE_REPEAT)
			find_scope(walk, node->as.repeat.body);
		if (node->kind == NODE_AUGMENT)
			find_scope(walk, node->as.augment.inner);
	}
}

/* Is the node's state read here for the last time in this pass? */
static bool read_once(Walk *walk, const Node *node)
{
	return --walk->unread[node->id] == 0;
}

/* ---- repeats [KR-14] ------------------------------------------------------------------------------------------ */

static ReferenceStatus run_repeat(Walk *walk, const Node *node, State *out)
{
	const Node *hole = node->as.repeat.hole, *input = node->input;
	State current = {0}; /* the input's, taken over or copied: a sum of one */
	ReferenceStatus status = layer_sum(&walk->states[input->id], read_once(walk, input), &current);
	for (uint32_t i = 0; i < node->as.repeat.count && status == REFERENCE_OK; i++) {
		State next = {0};
		state_free(&walk->states[hole->id]);
		walk->states[hole->id] = current;
		current = (State){0};
		status = run_scope(walk, node->as.repeat.body, &next);
		current = next;
	}
	*out = current;
	return status;
}

/* ---- augmentation [KR-15] ------------------------------------------------------------------------------------- */

typedef struct Orbit {
	uint32_t order;
	double **copies; /* rho(h) x for every h */
} Orbit;

static void orbit_free(Orbit *orbit)
{
	for (uint32_t h = 0; orbit->copies != NULL && h < orbit->order; h++)
		free(orbit->copies[h]);
	free(orbit->copies);
}

static ReferenceStatus orbit_make(const Group *group, const Type *type, const double *x, Orbit *orbit)
{
	orbit->order = group->order;
	orbit->copies = calloc(group->order, sizeof *orbit->copies);
	if (orbit->copies == NULL)
		return REFERENCE_NO_MEMORY;
	for (uint32_t h = 0; h < group->order; h++) {
		orbit->copies[h] = reference_vector(type_positions(type) * type->channels);
		if (orbit->copies[h] == NULL)
			return REFERENCE_NO_MEMORY;
		turn_sample(type, group->elements[h], x, orbit->copies[h]);
	}
	return REFERENCE_OK;
}

/* Mean over g, h of the inner net's K(x_g, z_h), and of its Theta where wanted. */
static ReferenceStatus orbit_mean(Walk *walk, const Node *inner, const Orbit *x, const Orbit *z, bool same, uint64_t *n,
				  double **k, double **theta)
{
	const Walk outer = *walk;
	State sum = {0};
	ReferenceStatus status = REFERENCE_OK;
	for (uint32_t g = 0; g < x->order && status == REFERENCE_OK; g++) {
		for (uint32_t h = 0; h < z->order && status == REFERENCE_OK; h++) {
			State pair = {0};
			walk->x = x->copies[g];
			walk->z = z->copies[h];
			walk->same = same && g == h;
			status = run_scope(walk, inner, &pair);
			if (status == REFERENCE_OK)
				status = layer_sum(&pair, true, &sum);
			state_free(&pair);
		}
	}
	walk->x = outer.x;
	walk->z = outer.z;
	walk->same = outer.same;
	if (status == REFERENCE_OK) {
		double pairs = (double)x->order * z->order;
		for (uint64_t i = 0; i < sum.n * sum.n; i++) {
			sum.a[K12][i] /= pairs;
			sum.a[THETA][i] /= pairs;
		}
		*n = sum.n;
		*k = sum.a[K12];
		sum.a[K12] = NULL;
		if (theta != NULL) {
			*theta = sum.a[THETA];
			sum.a[THETA] = NULL;
		}
	}
	state_free(&sum);
	return status;
}

static ReferenceStatus run_augment(Walk *walk, const Node *node, State *out)
{
	const Node *inner = node->as.augment.inner;
	Orbit x = {0}, z = {0};
	ReferenceStatus status = orbit_make(node->as.augment.group, &walk->network->input->type, walk->x, &x);
	if (status == REFERENCE_OK)
		status = orbit_make(node->as.augment.group, &walk->network->input->type, walk->z, &z);
	if (status == REFERENCE_OK)
		status = orbit_mean(walk, inner, &x, &x, true, &out->n, &out->a[K11], NULL);
	if (status == REFERENCE_OK)
		status = orbit_mean(walk, inner, &x, &z, walk->same, &out->n, &out->a[K12], &out->a[THETA]);
	if (status == REFERENCE_OK)
		status = orbit_mean(walk, inner, &z, &z, true, &out->n, &out->a[K22], NULL);
	orbit_free(&x);
	orbit_free(&z);
	return status;
}

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

static ReferenceStatus run_sum(Walk *walk, const Node *node, State *out)
{
	for (uint32_t i = 0; i < node->as.sum.count; i++) {
		const Node *branch = node->as.sum.branches[i];
		ReferenceStatus status = layer_sum(&walk->states[branch->id], read_once(walk, branch), out);
		if (status != REFERENCE_OK)
			return status;
	}
	return REFERENCE_OK;
}

static ReferenceStatus run_node(Walk *walk, const Node *node)
{
	State *out = &walk->states[node->id];
	State *in = node->input != NULL ? &walk->states[node->input->id] : NULL;
	switch (node->kind) {
	case NODE_INPUT:
		return layer_input(node, walk->x, walk->z, out);
	case NODE_HOLE: /* set by its repeat; empty only when a map inside a body is asked for */
		return out->a[THETA] != NULL ? REFERENCE_OK : REFERENCE_UNSUPPORTED;
	case NODE_DENSE:
		return layer_dense(node, walk->params, in, read_once(walk, node->input), out);
	case NODE_CONV:
	case NODE_LIFT:
	case NODE_GROUP_CONV:
		return layer_conv(node, walk->params, in, read_once(walk, node->input), out);
	case NODE_WINDOW_POOL:
		return layer_window_pool(node, in, read_once(walk, node->input), out);
	case NODE_POOL:
		return layer_pool(node, in, read_once(walk, node->input), out);
	case NODE_FLATTEN:
		return layer_flatten(node, in, read_once(walk, node->input), out);
	case NODE_ABRELU:
	case NODE_ERF:
		return layer_nonlinearity(node, walk->params, in, read_once(walk, node->input), out);
	case NODE_SUM:
		return run_sum(walk, node, out);
	case NODE_REPEAT:
		return run_repeat(walk, node, out);
	case NODE_AUGMENT:
		return run_augment(walk, node, out);
	case NODE_PLANNED:
	case NODE_PRODUCT:
	case NODE_CONCAT:
	case NODE_KIND_COUNT:
		break;
	}
	return REFERENCE_UNSUPPORTED;
}

/* One pass over a scope; moves the output's state to `out`. */
static ReferenceStatus run_scope(Walk *walk, const Node *output, State *out)
{
	for (uint32_t id = walk->first[output->id]; id <= output->id; id++) {
		if (walk->scope[id] != output)
			continue;
		walk->unread[id] = walk->readers[id];
		ReferenceStatus status = run_node(walk, walk->network->nodes[id]);
		if (status != REFERENCE_OK)
			return status;
	}
	*out = walk->states[output->id];
	walk->states[output->id] = (State){0};
	return REFERENCE_OK;
}

static void walk_free(Walk *walk)
{
	for (uint32_t id = 0; walk->states != NULL && id < walk->network->node_count; id++)
		state_free(&walk->states[id]);
	free(walk->states);
	free(walk->scope);
	free(walk->first);
	free(walk->readers);
	free(walk->unread);
	free(walk->stack);
}

static ReferenceStatus evaluate(const Network *network, const Node *output, const double *params, const double *x,
				const double *z, bool same, State *out)
{
	size_t count = network->node_count;
	Walk walk = {.network = network, .params = params, .x = x, .z = z, .same = same};
	walk.states = calloc(count, sizeof *walk.states);
	walk.scope = calloc(count, sizeof *walk.scope);
	walk.first = calloc(count, sizeof *walk.first);
	walk.readers = calloc(count, sizeof *walk.readers);
	walk.unread = calloc(count, sizeof *walk.unread);
	walk.stack = calloc(count, sizeof *walk.stack);
	ReferenceStatus status = REFERENCE_NO_MEMORY;
	if (walk.states && walk.scope && walk.first && walk.readers && walk.unread && walk.stack) {
		find_scopes(&walk, output);
		status = run_scope(&walk, output, out);
	}
	walk_free(&walk);
	return status;
}

ReferenceStatus reference_pair(const Network *network, const double *params, const double *x, const double *z,
			       bool same, double *nngp, double *ntk)
{
	State out = {0};
	ReferenceStatus status = evaluate(network, network->output, params, x, z, same, &out);
	if (status == REFERENCE_OK && out.n != 1)
		status = REFERENCE_UNSUPPORTED;
	if (status == REFERENCE_OK) {
		*nngp = out.a[K12][0];
		*ntk = out.a[THETA][0];
	}
	state_free(&out);
	return status;
}

ReferenceStatus reference_map(const Network *network, const Node *node, const double *params, const double *x,
			      const double *z, bool same, double **k12, double **theta, uint64_t *rows)
{
	State out = {0};
	ReferenceStatus status = evaluate(network, node, params, x, z, same, &out);
	*k12 = *theta = NULL;
	*rows = 0;
	if (status == REFERENCE_OK) {
		*rows = out.n;
		*k12 = out.a[K12];
		*theta = out.a[THETA];
		out.a[K12] = out.a[THETA] = NULL;
	}
	state_free(&out);
	return status;
}
