/* The reference evaluator's walk over the network, scope by scope (network/scopes.h). A state is freed as soon as the
 * last node of its scope that reads it is done. */
#include "reference/reference.h"

#include <stdlib.h>

#include "network/scopes.h"
#include "reference/internal.h"

typedef struct Walk {
	const Network *network;
	const double *params;
	const double *x, *z; /* the pair of samples, turned inside an augmentation */
	bool same;
	State *states; /* by node id */
	Scopes scopes;
	uint32_t *unread; /* by node id: how often it is still to be read in the pass under way */
} Walk;

static ReferenceStatus run_scope(Walk *walk, const Node *output, State *out);

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

static ReferenceStatus run_join(Walk *walk, const Node *node, State *out)
{
	for (uint32_t i = 0; i < node->as.join.count; i++) {
		const Node *branch = node->as.join.branches[i];
		ReferenceStatus status = layer_join(node, i, &walk->states[branch->id], read_once(walk, branch), out);
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
	case NODE_REPEAT:
		return run_repeat(walk, node, out);
	case NODE_AUGMENT:
		return run_augment(walk, node, out);
	case NODE_POINTWISE:
		return layer_pointwise(node, walk->params, in, read_once(walk, node->input), out);
	case NODE_WEIGHTS:
		return layer_weights(node, walk->params, in, read_once(walk, node->input), out);
	case NODE_MAP:
		return layer_map(node, in, read_once(walk, node->input), out);
	case NODE_SCALING:
		return layer_scaling(node, walk->params, in, read_once(walk, node->input), walk->same, out);
	case NODE_JOIN:
		return run_join(walk, node, out);
	case NODE_KIND_COUNT:
		break;
	}
	return REFERENCE_UNSUPPORTED;
}

/* One pass over a scope; moves the output's state to `out`. */
static ReferenceStatus run_scope(Walk *walk, const Node *output, State *out)
{
	for (uint32_t id = walk->scopes.first[output->id]; id <= output->id; id++) {
		if (walk->scopes.output[id] != output)
			continue;
		walk->unread[id] = walk->scopes.readers[id];
		ReferenceStatus status = run_node(walk, walk->network->nodes[id]);
		if (status != REFERENCE_OK)
			return status;
	}
	*out = walk->states[output->id];
	walk->states[output->id] = (State){0};
	return REFERENCE_OK;
}

static ReferenceStatus evaluate(const Network *network, const Node *output, const double *params, const double *x,
				const double *z, bool same, State *out)
{
	size_t count = network->node_count;
	Arena *arena = arena_create();
	Walk walk = {.network = network, .params = params, .x = x, .z = z, .same = same};
	walk.states = ARENA_ARRAY(arena, State, count);
	walk.unread = ARENA_ARRAY(arena, uint32_t, count);
	walk.scopes = network_scopes(arena, network, output);
	ReferenceStatus status = run_scope(&walk, output, out);
	for (size_t id = 0; id < count; id++)
		state_free(&walk.states[id]);
	arena_destroy(arena);
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
