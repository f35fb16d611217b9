/* The symmetry proof: each layer's index relation under the generators of H.
 *
 * For one group H the features of every node are followed from the input on [KR-23]: a reflection of an axis acts on
 * their grid as t -> z - t, and the centre z moves from layer to layer. Two things are recorded, each at the first
 * layer where it fails:
 *   - `broken`: the features no longer move with the input [KR-24]; decides about invariance;
 *   - `average`: the image average does not apply [KR-19]; whatever breaks invariance also fails here.
 * Failures count where a pool over group elements reads them. Asymmetric supports, which break neither invariance nor
 * the image of a group element, are looked at separately: they decide between the relative index [KR-17] and the general
 * path [KR-22]. */
#include "analysis/symmetry.h"

#include <string.h>

#include "analysis/internal.h"

typedef struct Failure {
	const Node *at; /* NULL: none */
	const char *reason, *remedy;
} Failure;

typedef struct Flow {
	int64_t z[GRID_MAX_DIM];              /* doubled centre of the reflections */
	const Node *constraint[GRID_MAX_DIM]; /* since the body's hole: a layer that needs the centre in the middle */
	const Node *seam;                     /* a concatenation along a grid axis stands before */
	bool merged;                          /* a pool over elements stands before */
	bool lifted;
	Failure broken, average;
} Flow;

#define CACHE_SIZE 64

typedef struct SupportCacheEntry {
	const Tap *taps;
	Window window;
	bool symmetric, fixed;
} SupportCacheEntry;

typedef struct Proof {
	Arena *arena;
	const Network *network;
	const Group *group;
	Generators generators;
	uint32_t dim;
	bool reflected[GRID_MAX_DIM];
	Flow *flows;            /* by node id */
	const Node **repeat_of; /* by id of a hole */
	SupportCacheEntry
		*cache;     /* CACHE_SIZE: supports are shared by uses of a def, and large ones are slow to check */
	Failure asymmetric; /* first support that is not H-symmetric */
	Failure average;    /* why the image average fails */
	Failure broken;     /* why the pooled kernel is not invariant */
} Proof;

/* ---- failures ------------------------------------------------------------------------------------------------- */

static Failure first_of(Failure a, Failure b)
{
	if (a.at == NULL || (b.at != NULL && b.at->id < a.at->id))
		return b;
	return a;
}

static void keep_first(Failure *kept, Failure found)
{
	*kept = first_of(*kept, found);
}

static void fail_average(Flow *flow, const Node *at, const char *reason)
{
	keep_first(&flow->average, (Failure){at, reason, NULL});
}

static void fail_broken(Flow *flow, const Node *at, const char *reason, const char *remedy)
{
	Failure failure = {at, reason, remedy};
	keep_first(&flow->broken, failure);
	keep_first(&flow->average, failure);
}

/* ---- window layers -------------------------------------------------------------------------------------------- */

static Axis window_on(const Window *w, uint32_t a, uint32_t n)
{
	Axis axis;
	if (!axis_make(n, w->size[a], w->stride[a], w->dilation[a], w->padding, &axis))
		axis.m = 0; /* a window that fits one axis may not fit another one's size */
	return axis;
}

static bool same_anchors(const Axis *a, const Axis *b)
{
	return a->m == b->m && a->s == b->s && (a->m == 0 || a->first2 == b->first2);
}

/* Branches side by side turn each about its own centre: layers that move no position do not see it [KR-23]. */
static void check_seam(const Proof *proof, const Node *node, const Window *w, Flow *flow)
{
	static const char reason[] = "after concatenation along a grid axis";
	bool moves = false;
	for (uint32_t a = 0; a < proof->dim; a++)
		moves = moves || w->size[a] > 1 || w->stride[a] > 1;
	if (flow->seam == NULL || !moves)
		return;
	uint32_t axis = flow->seam->as.join.axis;
	bool turned = proof->reflected[axis];
	for (uint32_t b = 0; b < proof->dim; b++)
		turned = turned || (b != axis &&
				    (group_exchanges(proof->group, axis, b) || group_exchanges(proof->group, b, axis)));
	if (turned)
		fail_broken(flow, node, reason,
			    "The symmetry would be kept by this layer in each of the branches, before they are "
			    "concatenated.");
	else
		fail_average(flow, node, reason);
}

/* Axes that H exchanges: an image and its turned copy meet the windows of either axis. */
static void check_exchanged(const Proof *proof, const Node *node, const Window *w, Flow *flow)
{
	const uint32_t *shape = node->input->type.shape;
	for (uint32_t a = 0; a < proof->dim; a++) {
		for (uint32_t b = a + 1; b < proof->dim; b++) {
			if (!group_exchanges(proof->group, a, b) && !group_exchanges(proof->group, b, a))
				continue;
			bool box = w->size[a] == w->size[b] && w->stride[a] == w->stride[b] &&
				   (w->size[a] == 1 || w->dilation[a] == w->dilation[b]);
			bool anchors = true;
			for (int i = 0; i < 2; i++) {
				Axis on_a = window_on(w, a, shape[i == 0 ? a : b]),
				     on_b = window_on(w, b, shape[i == 0 ? a : b]);
				anchors = anchors && same_anchors(&on_a, &on_b);
			}
			if (box || flow->broken.at != NULL)
				continue; /* only the first layer is reported: no texts for the others */
			const char *reason =
				arena_printf(proof->arena, "window/stride differ on exchanged axes %u,%u", a, b);
			if (anchors &&
			    !node_has_map(node, MAP_WINDOW)) /* a filter is turned with r, a pool's box is not */
				fail_average(flow, node, reason);
			else
				fail_broken(
					flow, node, reason,
					arena_printf(proof->arena,
						     "Equal windows and strides on axes %u and %u, which %s exchanges, "
						     "would keep the symmetry.",
						     a, b, proof->group->name));
		}
	}
}

static void check_axes(const Proof *proof, const Node *node, const Window *w, Flow *flow)
{
	const uint32_t *shape = node->input->type.shape;
	for (uint32_t a = 0; a < proof->dim; a++) {
		Axis axis = window_on(w, a, shape[a]);
		if (!proof->reflected[a]) {
			if (axis.f > 1 || axis.s > 1)
				flow->z[a] = (int64_t)axis.m - 1;
			continue;
		}
		bool constrained;
		AxisResult result = axis_follow(&axis, &flow->z[a], &constrained);
		if (constrained)
			flow->constraint[a] = node;
		if (flow->broken.at != NULL)
			continue;
		if (result == AXIS_ASYMMETRIC)
			fail_broken(flow, node, arena_printf(proof->arena, "anchors not symmetric on axis %u", a),
				    axis_remedy(proof->arena, &axis, a, node_has_map(node, MAP_WINDOW)));
		if (result == AXIS_DISPLACED)
			fail_broken(flow, node, "centre displaced by an earlier circular layer",
				    "The symmetry would be kept by odd filters in the circular layers before, or by "
				    "padding = circular "
				    "here.");
	}
}

static void check_window(const Proof *proof, const Node *node, const Window *w, Flow *flow)
{
	if (!type_has_positions(&node->type))
		return; /* a bare H */
	check_seam(proof, node, w, flow);
	check_exchanged(proof, node, w, flow);
	check_axes(proof, node, w, flow);
}

static const SupportCacheEntry *look_at_support(const Proof *proof, const Node *node)
{
	const Support *support = &node->as.weights.support;
	const Window *w = &node->as.weights.window;
	SupportCacheEntry *entry = &proof->cache[((uintptr_t)support->taps >> 4) % CACHE_SIZE];
	if (entry->taps == support->taps && memcmp(&entry->window, w, sizeof *w) == 0)
		return entry;
	entry->taps = support->taps;
	memcpy(&entry->window, w, sizeof *w);
	uint32_t dim = type_dim(&node->type);
	entry->symmetric = support_marginal_symmetric(support, w, dim, &proof->generators);
	entry->fixed = support_is_fixed(support, w, dim, &proof->generators);
	return entry;
}

/* A plain convolution moves with H only if H leaves each of its taps in place, as those of a 1x1 filter. */
static void follow_plain_conv(const Proof *proof, const Node *node, Flow *flow)
{
	if (!look_at_support(proof, node)->fixed)
		fail_broken(flow, node,
			    flow->merged ? "plain convolution after a pool over elements"
					 : "plain convolution before the lift",
			    flow->merged ? "The symmetry would be kept by a 1x1 filter, or by this convolution before "
					   "the pool over "
					   "elements, where it is the group convolution."
					 : "The symmetry would be kept by a 1x1 filter, or by this convolution after "
					   "the lift, where "
					   "it is the group convolution.");
	check_window(proof, node, &node->as.weights.window, flow);
}

static void follow_group_conv(Proof *proof, const Node *node, Flow *flow)
{
	if (!group_contains(node->type.group, proof->group)) {
		fail_broken(flow, node,
			    arena_printf(proof->arena, "%s does not contain %s", node->type.group->name,
					 proof->group->name),
			    "The symmetry would be kept by the same group in all lifts.");
		return;
	}
	if (!look_at_support(proof, node)->symmetric) {
		Failure failure = {node, "support not symmetric under H", NULL};
		keep_first(&proof->asymmetric, failure);
		fail_average(flow, node, failure.reason);
	}
	check_window(proof, node, &node->as.weights.window, flow);
}

static void follow_lift(Proof *proof, const Node *node, Flow *flow)
{
	if (flow->merged)
		fail_average(flow, node, "lift after a pool over elements");
	flow->lifted = true;
	follow_group_conv(proof, node, flow);
}

/* ---- global pools, flatten ------------------------------------------------------------------------------------ */

/* What has been found on the way in counts now: for the image average, and at a pool over elements for invariance. */
static void settle(Proof *proof, Flow *flow, bool pooled)
{
	keep_first(&proof->average, flow->average);
	if (pooled)
		keep_first(&proof->broken, flow->broken);
}

static void follow_pool(Proof *proof, const Node *node, Flow *flow)
{
	const Type *from = &node->input->type;
	if (from->domain == DOMAIN_GRID) {
		if (!flow->merged)
			fail_average(flow, node, "pool of a branch that is not lifted");
		settle(proof, flow, flow->merged);
		return;
	}
	if (node->as.map.over == POOL_POSITIONS) {
		fail_average(flow, node, "pool over positions before the pool over elements");
		settle(proof, flow, false);
		return;
	}
	settle(proof, flow, group_equal(from->group, proof->group));
	flow->merged = true;
}

static void follow_flatten(Proof *proof, const Node *node, Flow *flow)
{
	if (node->input->type.domain != DOMAIN_VECTOR)
		fail_average(flow, node, "flatten instead of a pool over elements");
	settle(proof, flow, false);
}

/* ---- joins and repeats ---------------------------------------------------------------------------------------- */

static Flow join(const Proof *proof, const Node *node)
{
	const Node *first = node->as.join.branches[0];
	Flow flow = proof->flows[first->id];
	uint32_t along = node->as.join.kind == JOIN_CONCAT ? node->as.join.axis : CONCAT_CHANNELS;
	for (uint32_t i = 1; i < node->as.join.count; i++) {
		const Flow *branch = &proof->flows[node->as.join.branches[i]->id];
		if (flow.seam == NULL)
			flow.seam = branch->seam;
		/* each turns about its own centre, which keeps the kernel's invariance */
		if (along < proof->dim && (node->as.join.branches[i]->type.shape[along] != first->type.shape[along] ||
					   flow.z[along] != branch->z[along]))
			fail_average(&flow, node, "branches with different centres");
		keep_first(&flow.broken, branch->broken);
		keep_first(&flow.average, branch->average);
		flow.merged = flow.merged || branch->merged;
		flow.lifted = flow.lifted || branch->lifted;
		for (uint32_t a = 0; a < proof->dim; a++) {
			if (flow.constraint[a] == NULL)
				flow.constraint[a] = branch->constraint[a];
			if (a != along && type_has_positions(&node->type) && flow.z[a] != branch->z[a])
				fail_broken(&flow, node, "branches with different centres",
					    "The symmetry would be kept by odd filters in the circular layers of the "
					    "branches.");
		}
	}
	if (along < proof->dim)
		flow.seam = node;
	return flow;
}

/* The body has been followed once, from the repeat's own input. It moves the centre of an axis by a constant modulo the
 * size, unless one of its layers needs the centre in the middle: then a body that moves it fails in its second turn. */
static Flow after_repeat(const Proof *proof, const Node *node)
{
	const Flow *in = &proof->flows[node->input->id];
	Flow flow = proof->flows[node->as.repeat.body->id];
	uint32_t count = node->as.repeat.count;
	for (uint32_t a = 0; a < proof->dim && type_has_positions(&node->type); a++) {
		int64_t n = node->type.shape[a], step = flow.z[a] - in->z[a];
		if (step != 0 && count > 1 && flow.constraint[a] != NULL)
			fail_broken(&flow, flow.constraint[a], "centre displaced by an earlier circular layer",
				    "The symmetry would be kept by odd filters in the circular layers of the repeated "
				    "net.");
		if (step != 0)
			flow.z[a] = ((in->z[a] + step % n * count) % n + n) % n;
		if (flow.constraint[a] == NULL)
			flow.constraint[a] = in->constraint[a];
	}
	if (count > 1 && flow.lifted && flow.merged && !in->lifted)
		fail_average(&flow, node, "lift after a pool over elements");
	return flow;
}

/* ---- the walk ------------------------------------------------------------------------------------------------- */

static Flow start(const Proof *proof)
{
	Flow flow = {0};
	for (uint32_t a = 0; a < proof->dim; a++)
		flow.z[a] = (int64_t)proof->network->input->type.shape[a] - 1;
	return flow;
}

static Flow enter_body(const Proof *proof, const Node *hole)
{
	const Node *repeat = proof->repeat_of[hole->id];
	ENTK_ASSERT(repeat != NULL && repeat->input->id < hole->id);
	Flow flow = proof->flows[repeat->input->id];
	memset(flow.constraint, 0, sizeof flow.constraint);
	return flow;
}

static void follow_weights(Proof *proof, const Node *node, Flow *flow)
{
	switch (node->as.weights.relation) {
	case RELATION_OWN: /* positions and elements stay where they are */
		return;
	case RELATION_CONV:
		follow_plain_conv(proof, node, flow);
		return;
	case RELATION_LIFT:
		follow_lift(proof, node, flow);
		return;
	case RELATION_GROUP:
		follow_group_conv(proof, node, flow);
		return;
	}
}

static void follow_map(Proof *proof, const Node *node, Flow *flow)
{
	switch (node->as.map.kind) {
	case MAP_WINDOW:
		check_window(proof, node, &node->as.map.window, flow);
		return;
	case MAP_POOL:
		follow_pool(proof, node, flow);
		return;
	case MAP_FLATTEN:
		follow_flatten(proof, node, flow);
		return;
	}
}

static void follow(Proof *proof, const Node *node)
{
	Flow flow = {0};
	if (node->input != NULL)
		flow = proof->flows[node->input->id];
	switch (node->kind) {
	case NODE_INPUT:
		flow = start(proof);
		break;
	case NODE_HOLE:
		flow = enter_body(proof, node);
		break;
	case NODE_REPEAT:
		flow = after_repeat(proof, node);
		break;
	case NODE_WEIGHTS:
		follow_weights(proof, node, &flow);
		break;
	case NODE_MAP:
		follow_map(proof, node, &flow);
		break;
	case NODE_JOIN:
		flow = join(proof, node);
		break;
	case NODE_POINTWISE: /* positions and elements stay where they are */
	case NODE_SCALING:
	case NODE_AUGMENT: /* a vector */
	case NODE_KIND_COUNT:
		break;
	}
	proof->flows[node->id] = flow;
}

static Proof prove(Arena *arena, const Network *network, const Group *group)
{
	Proof proof = {.arena = arena, .network = network, .group = group, .dim = group->dim};
	proof.generators = group_generators(group);
	proof.flows = ARENA_ARRAY(arena, Flow, network->node_count);
	proof.repeat_of = ARENA_ARRAY(arena, const Node *, network->node_count);
	proof.cache = ARENA_ARRAY(arena, SupportCacheEntry, CACHE_SIZE);
	for (uint32_t a = 0; a < group->dim; a++)
		proof.reflected[a] = group_reflects(group, a);
	for (uint32_t id = 0; id < network->node_count; id++)
		if (network->nodes[id]->kind == NODE_REPEAT)
			proof.repeat_of[network->nodes[id]->as.repeat.hole->id] = network->nodes[id];
	for (uint32_t id = 0; id < network->node_count; id++)
		follow(&proof, network->nodes[id]);
	return proof;
}

/* ---- verdicts ------------------------------------------------------------------------------------------------- */

/* The groups of all lifts, each once. */
static uint32_t find_groups(Arena *arena, const Network *network, const Group ***out)
{
	const Group **groups = ARENA_ARRAY(arena, const Group *, network->node_count);
	uint32_t count = 0;
	for (uint32_t id = 0; id < network->node_count; id++) {
		const Node *node = network->nodes[id];
		bool known = !node_has_relation(node, RELATION_LIFT);
		for (uint32_t i = 0; i < count && !known; i++) /* few: 98 groups at most act on a volume */
			known = group_equal(groups[i], node->type.group);
		if (!known)
			groups[count++] = node->type.group;
	}
	*out = groups;
	return count;
}

static const Node *second_lift(const Network *network, const Group *first)
{
	for (uint32_t id = 0; id < network->node_count; id++)
		if (node_has_relation(network->nodes[id], RELATION_LIFT) &&
		    !group_equal(network->nodes[id]->type.group, first))
			return network->nodes[id];
	return NULL;
}

Symmetry symmetry_analyse(Arena *arena, const Network *network)
{
	Symmetry result = {.verdict = SYMMETRY_NONE, .invariant = true};
	Failure asymmetric = {0}, average = {0}, broken = {0};
	const Group **groups;
	uint32_t count = find_groups(arena, network, &groups);
	if (count == 0)
		return result;
	result.group = groups[0];
	for (uint32_t i = 0; i < count; i++) {
		Proof proof = prove(arena, network, groups[i]);
		keep_first(&asymmetric, proof.asymmetric);
		keep_first(&average, proof.average);
		if (proof.broken.at != NULL && first_of(broken, proof.broken).at == proof.broken.at)
			result.group = groups[i];
		keep_first(&broken, proof.broken);
	}
	if (count > 1)
		keep_first(&average, (Failure){second_lift(network, groups[0]), "lifts to different groups", NULL});
	Failure stop = asymmetric.at != NULL ? asymmetric : average;
	result.verdict = asymmetric.at != NULL ? SYMMETRY_GENERAL
			 : average.at != NULL  ? SYMMETRY_RELATIVE_INDEX
					       : SYMMETRY_IMAGE_AVERAGE;
	result.stops_at = stop.at;
	result.reason = stop.reason;
	result.invariant = broken.at == NULL;
	result.broken_at = broken.at;
	result.broken_reason = broken.reason;
	result.remedy = broken.remedy;
	return result;
}

void symmetry_warn(Diag *diag, Arena *arena, const Network *network)
{
	Symmetry symmetry = symmetry_analyse(arena, network);
	if (symmetry.invariant)
		return;
	diag_warning(diag, symmetry.broken_at->span, "W0501",
		     "the kernel of net \"%s\" is not proved invariant under %s: \"%s\": %s", network->name,
		     symmetry.group->name, symmetry.broken_at->label, symmetry.broken_reason);
	diag_hint(diag, "%s", symmetry.remedy);
}

const char *symmetry_verdict_text(SymmetryVerdict verdict)
{
	switch (verdict) {
	case SYMMETRY_IMAGE_AVERAGE:
		return "image average";
	case SYMMETRY_RELATIVE_INDEX:
		return "relative index";
	case SYMMETRY_GENERAL:
		return "general";
	case SYMMETRY_NONE:
		return "none";
	}
	ICE("unknown verdict");
}
