/* The checker: structure of the network that comes out (messages are tested in tests/reject). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

#include "network/sema/sema.h"

static Arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

/* NULL after an error. */
static Program *check_with(const char *text, const SetOption *sets, uint32_t set_count, SourceSet *sources, Diag *diag)
{
	uint32_t file = source_add(sources, "test.entk", text, strlen(text));
	return sema_check(arena, sources, diag, parse_file(arena, sources, diag, file), sets, set_count);
}

static Program *check(const char *text)
{
	SourceSet *sources = ARENA_NEW(arena, SourceSet);
	sources->arena = arena;
	Diag *diag = diag_create(arena, sources);
	Program *program = check_with(text, NULL, 0, sources, diag);
	if (program == NULL)
		diag_print(diag, stderr, DIAG_LINE);
	return program;
}

static Network *only_net(const char *text)
{
	Program *program = check(text);
	assert_non_null(program);
	assert_int_equal(program->network_count, 1);
	return program->networks[0];
}

static bool fails(const char *text)
{
	SourceSet *sources = ARENA_NEW(arena, SourceSet);
	sources->arena = arena;
	Diag *diag = diag_create(arena, sources);
	Program *program = check_with(text, NULL, 0, sources, diag);
	assert_int_equal(program == NULL, diag_error_count(diag) > 0);
	return program == NULL;
}

/* What every network must satisfy, whatever it is. */
static void check_invariants(const Network *network)
{
	assert_int_equal(network->output->type.domain, DOMAIN_VECTOR);
	assert_int_equal(network->input->kind, NODE_INPUT);
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		assert_int_equal(node->id, i);
		if (node->input != NULL)
			assert_true(node->input->id < i);
		Node *const *inputs;
		uint32_t input_count = node_inputs(node, &inputs);
		for (uint32_t k = 0; k < input_count; k++)
			assert_true(inputs[k]->id < i);
		if (node->kind == NODE_JOIN)
			assert_true(input_count == node->as.join.count && input_count >= 2);
		if (node->kind == NODE_REPEAT) {
			const Type *hole = &node->as.repeat.hole->type, *body = &node->as.repeat.body->type;
			assert_int_equal(node->as.repeat.hole->kind, NODE_HOLE);
			assert_true(node->as.repeat.hole->id < node->as.repeat.body->id &&
				    node->as.repeat.body->id < i);
			assert_true(node->as.repeat.count >= 2);
			assert_int_equal(hole->domain, body->domain);
			assert_memory_equal(hole->shape, body->shape, sizeof hole->shape);
			assert_int_equal(hole->channels, body->channels);
			assert_int_equal(hole->gaussian, body->gaussian);
			assert_int_equal(hole->centred, body->centred);
			assert_int_equal(hole->theta_zero, body->theta_zero);
			assert_int_equal(hole->width, body->width);
			assert_int_equal(node->input->type.channels, hole->channels);
			assert_int_equal(node->input->type.theta_zero, hole->theta_zero);
		}
		if (node->kind == NODE_WEIGHTS) {
			assert_true(node_has_relation(node, RELATION_OWN) || node->as.weights.support.count >= 1);
			assert_non_null(node->as.weights.affine.weight_std);
		}
	}
	assert_ptr_equal(network->nodes[network->output->id], network->output);
}

static void expect_kinds(const Network *network, const char *const *kinds, uint32_t count)
{
	check_invariants(network);
	assert_int_equal(network->node_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_string_equal(node_text(network->nodes[i]), kinds[i]);
}

#define EXPECT_KINDS(network, ...)                                                             \
	do {                                                                                   \
		const char *const kinds_[] = {__VA_ARGS__};                                       \
		expect_kinds((network), kinds_, (uint32_t)(sizeof kinds_ / sizeof kinds_[0])); \
	} while (0)

/* ---- repeats ---- */

static void repeat_on_raw_input_peels_one(void **state)
{
	(void)state;
	Network *net = only_net("net n = image(8x8) -> (conv(3x3) -> relu)^1000 -> pool -> dense");
	EXPECT_KINDS(net, "input", "conv", "abrelu", "hole", "conv", "abrelu", "repeat", "pool",
		     "dense");
	assert_int_equal(net->nodes[6]->as.repeat.count, 999);
	assert_ptr_equal(net->nodes[1]->input, net->nodes[0]);
	assert_ptr_equal(net->nodes[4]->input, net->nodes[3]);
	assert_ptr_equal(net->nodes[6]->input, net->nodes[2]);
}

static void settled_repeat_is_one_loop(void **state)
{
	(void)state;
	Network *net = only_net("net n = vector(4) -> dense -> (relu -> dense)^1000000");
	EXPECT_KINDS(net, "input", "dense", "hole", "abrelu", "dense", "repeat");
	assert_int_equal(net->nodes[5]->as.repeat.count, 1000000);
}

static void repeat_once_is_the_body(void **state)
{
	(void)state;
	EXPECT_KINDS(only_net("net n = vector(4) -> dense -> (relu -> dense)^1"), "input", "dense", "abrelu",
		     "dense");
	EXPECT_KINDS(only_net("net n = vector(4) -> (dense -> relu)^2 -> dense"), "input", "dense", "abrelu",
		     "dense", "abrelu", "dense");
}

static void repeat_with_shrinking_shape_is_unrolled(void **state)
{
	(void)state;
	Network *net = only_net("net n = image(9x9) -> (conv(3x3, padding = valid) -> relu)^3 -> flatten -> dense");
	EXPECT_KINDS(net, "input", "conv", "abrelu", "conv", "abrelu", "conv", "abrelu",
		     "flatten", "dense");
	assert_int_equal(net->nodes[6]->type.shape[0], 3);
}

static void repeats_nest(void **state)
{
	(void)state;
	Network *net = only_net("net n = vector(4) -> dense -> ((relu -> dense)^3 -> (erf -> dense)^2)^5");
	EXPECT_KINDS(net, "input", "dense", "hole", "hole", "abrelu", "dense", "repeat", "hole",
		     "erf", "dense", "repeat", "repeat");
	assert_ptr_equal(net->nodes[6]->input, net->nodes[2]);
	assert_int_equal(net->nodes[11]->as.repeat.count, 5);
	net = only_net("net n = vector(4) -> (((dense -> relu)^2)^2)^2 -> dense");
	check_invariants(net);
}

static void repeat_of_identity_is_nothing(void **state)
{
	(void)state;
	EXPECT_KINDS(only_net("net n = vector(4) -> identity^5 -> dense"), "input", "dense");
}

static void residual_repeat_keeps_its_fork(void **state)
{
	(void)state;
	Network *net = only_net("def res = (relu -> conv(3x3) + identity)\n"
				"net n = image(8x8) -> conv(3x3) -> res^4 -> relu -> pool -> dense");
	EXPECT_KINDS(net, "input", "conv", "hole", "abrelu", "conv", "sum", "repeat", "abrelu",
		     "pool", "dense");
	assert_ptr_equal(net->nodes[5]->as.join.branches[0], net->nodes[4]);
	assert_ptr_equal(net->nodes[5]->as.join.branches[1], net->nodes[2]);
	assert_null(net->nodes[5]->input);
}

/* A hole that is filled after peeling must vanish from sums too. */
static void peeled_fork_is_the_node_before(void **state)
{
	(void)state;
	Network *net = only_net("net n = vector(4) -> dense -> erf -> (dense + identity)^3 -> dense");
	check_invariants(net);
	const Node *sum = NULL;
	for (uint32_t i = 0; i < net->node_count && sum == NULL; i++)
		if (node_joins_by(net->nodes[i], JOIN_SUM))
			sum = net->nodes[i];
	assert_non_null(sum);
	/* erf's output is not Gaussian, the sum's is not either: settled at once */
	assert_int_equal(sum->as.join.branches[1]->kind, NODE_HOLE);
	net = only_net("net n = vector(4) -> dense -> erf -> ((dense + identity) -> dense)^3");
	check_invariants(net);
	for (uint32_t i = 0; i < net->node_count; i++)
		if (node_joins_by(net->nodes[i], JOIN_SUM)) {
			assert_ptr_equal(net->nodes[i]->as.join.branches[1], net->nodes[2]);
			break;
		}
}

/* ---- sums ---- */

static void sums_are_flattened(void **state)
{
	(void)state;
	Network *net =
		only_net("net n = vector(4) -> dense -> (dense + (relu -> dense + (erf -> dense)) + identity) -> relu "
			 "-> dense");
	const Node *sum = net->output->input->input;
	assert_string_equal(node_text(sum), "sum");
	assert_int_equal(sum->as.join.count, 4);
	assert_true(sum->type.gaussian && sum->type.centred);
}

static void freshness(void **state)
{
	(void)state;
	assert_true(fails("net n = vector(4) -> dense -> ((dense + identity) + identity)"));
	assert_true(fails("net n = vector(4) -> dense -> skip(dense + identity)"));
	assert_true(fails("net n = vector(4) -> dense -> (relu + identity) -> dense"));
	assert_false(fails("net n = vector(4) -> dense -> ((dense + identity) -> dense + identity)"));
	assert_false(fails("net n = vector(4) -> dense -> (skip(dense) + relu -> dense)"));
	assert_false(fails("net n = vector(4) -> dense -> skip(dense) -> relu -> dense"));
	assert_false(fails("net n = vector(4) -> dense -> (relu -> (dense -> erf)^3 + identity) -> dense"));
	assert_true(fails("net n = vector(4) -> dense -> (identity^3 + identity)"));
}

static void centred_branches(void **state)
{
	(void)state;
	assert_false(fails("net n = vector(4) -> dense -> (dense -> erf + dense -> erf) -> dense"));
	assert_false(fails("net n = vector(4) -> dense -> (dense -> erf + dense -> relu) -> dense"));
	assert_true(fails("net n = vector(4) -> dense -> (dense -> relu + dense -> relu) -> dense"));
	assert_true(fails("net n = vector(4) -> dense -> (dense -> erf(c = 1) + dense -> relu) -> dense"));
	assert_true(fails("param z = 0\nnet n = vector(4) -> dense -> (dense -> erf(c = z) + dense -> relu) -> dense"));
	assert_false(fails("net n = vector(4) -> dense -> (dense -> abrelu(2, 2) + dense -> relu) -> dense"));
	assert_false(
		fails("param z = 2\nnet n = vector(4) -> dense -> (dense -> abrelu(z, z) + dense -> relu) -> dense"));
	assert_true(fails("net n = vector(4) -> dense -> (dense -> abs + dense -> relu) -> dense"));
}

static void raw_input_cannot_be_added(void **state)
{
	(void)state;
	assert_true(fails("net n = vector(4) -> (dense + identity)"));
	assert_false(fails("net n = vector(4) -> (dense + dense)"));
}

/* ---- layers without a kernel ---- */

static void products(void **state)
{
	(void)state;
	Network *net = only_net("net n = vector(4) -> dense -> (dense -> relu * (dense -> relu * identity)) -> dense");
	const Node *product = net->output->input;
	assert_string_equal(node_text(product), "product");
	assert_int_equal(product->as.join.count, 3);
	assert_true(!product->type.gaussian && product->type.centred); /* one centred factor is enough */
	net = only_net("net n = vector(4) -> dense -> (dense -> relu * dense -> relu) -> dense");
	assert_false(net->output->input->type.centred);
	net = only_net("net n = vector(4) -> dense -> (dense -> (dense * erf))^3 -> dense");
	check_invariants(net);
	assert_true(fails("net n = vector(4) -> dense -> (erf * identity) -> dense"));
	assert_true(fails("net n = vector(4) -> (dense * identity)"));
	assert_false(fails("net n = vector(4) -> dense -> (dense * dense + dense) -> dense"));
}

static void concatenations(void **state)
{
	(void)state;
	Network *net =
		only_net("net n = image(6x5) -> conv(3, width = 2) -> concat(identity, erf, conv(1, width = 7)) -> "
			 "conv(1) -> concat(conv(3), conv(1, stride = 2x1), axis = 0) -> relu -> pool");
	check_invariants(net);
	const Node *channels = net->nodes[4], *axis = net->nodes[8];
	assert_string_equal(node_text(channels), "concat");
	assert_int_equal(channels->type.width, 2 + 2 + 7);
	assert_true(!channels->type.gaussian && channels->type.centred && channels->type.channels == 0);
	assert_string_equal(node_text(axis), "concat");
	assert_int_equal(axis->type.shape[0], 6 + 3);
	assert_int_equal(axis->type.shape[1], 5);
	assert_true(axis->type.gaussian && axis->type.centred);
	net = only_net("net n = vector(4) -> concat(identity, identity, identity)");
	assert_int_equal(net->output->type.channels, 12);
	assert_true(net->output->type.theta_zero);
}

static void widths(void **state)
{
	(void)state;
	Network *net =
		only_net("default(parameterization = standard, width = 5)\n"
			 "net n = image(4x3, channels = 2) -> lift(C2, 3x3, s = [2, 3]) -> relu -> flatten -> dense -> "
			 "(relu -> dense(width = 6))^4");
	check_invariants(net);
	const Affine *lift = &net->nodes[1]->as.weights.affine;
	assert_true(lift->standard && lift->s[0] == 2 && lift->s[1] == 3);
	assert_int_equal(net->nodes[1]->type.width, 15);
	assert_int_equal(net->nodes[3]->type.width, 15 * 4 * 3 * 2); /* flatten: positions and elements */
	/* the first repetition meets another width */
	assert_int_equal(net->output->kind, NODE_REPEAT);
	assert_int_equal(net->output->as.repeat.count, 3);
	assert_true(fails("net n = vector(4) -> dense -> dense(parameterization = standard)"));
	assert_false(fails("net n = vector(4) -> dense(parameterization = standard)"));
	assert_false(fails("default(s = [1, 2])\nnet n = vector(4) -> dense"));
}

static void oddness(void **state)
{
	(void)state;
	static const struct {
		const char *layer;
		bool odd;
	} layers[] = {
		{"gelu", false},
		{"sin", true},
		{"sin(c = 0.1)", false},
		{"cos", false},
		{"rbf", false},
		{"sign", true},
		{"exp", false},
		{"gaussian", false},
		{"gabor", true},
		{"exp_normalized", false},
		{"hermite(3)", true},
		{"hermite(0)", false},
		{"monomial(1)", true},
		{"monomial(2)", false},
		{"rectified_monomial(1)", false},
		{"polynomial([0, 1, 0, 3])", true},
		{"polynomial([1, 1])", false},
		{"polynomial([0, 0, p])", false},
		{"polynomial([0, p])", true},
	};
	for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
		const Node *node =
			only_net(arena_printf(arena, "param p = 0\nnet n = vector(4) -> dense -> %s", layers[i].layer))
				->output;
		assert_int_equal(node->kind, NODE_POINTWISE);
		assert_false(node->type.gaussian);
		assert_int_equal(node->type.centred, layers[i].odd);
	}
}

static void normalisation_keeps_or_clears(void **state)
{
	(void)state;
	const Node *node = only_net("net n = vector(4) -> dense -> layernorm")->output;
	assert_true(node->type.gaussian && node->type.centred);
	node = only_net("net n = vector(4) -> dense -> dropout(0.5)")->output;
	assert_true(!node->type.gaussian && node->type.centred);
	node = only_net("net n = vector(4) -> dense -> dropout(0.5, mode = test)")->output;
	assert_true(node->type.gaussian && node->type.centred);
	assert_true(fails("net n = vector(4) -> dropout(0.5)"));
	assert_true(fails("net n = vector(4) -> layernorm"));
	assert_true(fails("net n = vector(4) -> dense -> relu -> layernorm"));
}

/* ---- flags ---- */

static void flags_follow_the_table(void **state)
{
	(void)state;
	Network *net = only_net(
		"net n = image(6x6, channels = 3) -> avgpool(2x2) -> conv(3x3) -> avgpool(2x2, padding = same) "
		"-> erf -> flatten -> dense -> relu -> dense");
	const struct {
		bool gaussian, centred, theta_zero;
		uint32_t channels;
	} want[] = {
		{false, false, true, 3}, {false, false, true, 3},  {true, true, false, 0},
		{true, true, false, 0},  {false, true, false, 0},  {false, true, false, 0},
		{true, true, false, 0},  {false, false, false, 0}, {true, true, false, 0},
	};
	check_invariants(net);
	assert_int_equal(net->node_count, 9);
	for (uint32_t i = 0; i < 9; i++) {
		const Type *type = &net->nodes[i]->type;
		assert_int_equal(type->gaussian, want[i].gaussian);
		assert_int_equal(type->centred, want[i].centred);
		assert_int_equal(type->theta_zero, want[i].theta_zero);
		assert_int_equal(type->channels, want[i].channels);
	}
	assert_int_equal(only_net("net n = image(6x5, channels = 3) -> flatten")->output->type.channels, 90);
	assert_true(fails("net n = vector(4) -> relu -> dense"));
	assert_true(fails("net n = vector(4) -> dense -> relu -> erf -> dense"));
	assert_true(fails("net n = image(4x4) -> conv(3x3) -> flatten -> relu -> dense"));
	assert_true(fails("net n = image(4x4) -> conv(3x3) -> relu -> pool -> relu -> dense"));
	assert_false(fails("net n = image(4x4) -> conv(3x3) -> pool -> relu -> dense"));
}

/* ---- domains ---- */

static void domains(void **state)
{
	(void)state;
	Network *net = only_net("net n = image(7x5) -> lift(C4, 3x3, stride = 2x1, padding = valid) -> relu "
				"-> pool(over = elements) -> conv(3) -> erf -> lift(D2, 1) -> pool(over = positions) "
				"-> conv(elements = [0, 3]) -> relu -> pool -> dense");
	static const DomainKind want[] = {DOMAIN_GRID,  DOMAIN_GROUP_GRID, DOMAIN_GROUP_GRID, DOMAIN_GRID,
					  DOMAIN_GRID,  DOMAIN_GRID,       DOMAIN_GROUP_GRID, DOMAIN_GROUP,
					  DOMAIN_GROUP, DOMAIN_GROUP,      DOMAIN_VECTOR,     DOMAIN_VECTOR};
	check_invariants(net);
	assert_int_equal(net->node_count, 12);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(net->nodes[i]->type.domain, want[i]);
	assert_int_equal(net->nodes[1]->type.shape[0], 3);
	assert_int_equal(net->nodes[1]->type.shape[1], 3);
	assert_int_equal(net->nodes[3]->as.map.over, POOL_ELEMENTS);
	assert_null(net->nodes[3]->type.group);
	assert_int_equal(net->nodes[7]->as.map.over, POOL_POSITIONS);
	assert_int_equal(net->nodes[7]->type.dim, 2);
	const Node *bare = net->nodes[8];
	assert_string_equal(node_text(bare), "group conv");
	assert_int_equal(bare->as.weights.support.count, 2);
	assert_int_equal(bare->as.weights.support.taps[1].element, 3);
	assert_int_equal(bare->as.weights.window.size[0], 1);
	assert_int_equal(net->nodes[10]->as.map.over, POOL_EVERYTHING);
}

static void pools_name_everything_plainly(void **state)
{
	(void)state;
	Network *net = only_net("net n = image(4x4) -> conv(3) -> sum_pool(over = positions) -> dense");
	assert_int_equal(net->nodes[2]->as.map.over, POOL_EVERYTHING);
	assert_false(net->nodes[2]->as.map.mean);
	net = only_net("net n = image(4x4) -> lift(C4, 3) -> pool(over = positions) -> pool(over = elements)");
	assert_int_equal(net->nodes[3]->as.map.over, POOL_EVERYTHING);
}

static void rotated_offsets(void **state)
{
	(void)state;
	assert_true(fails("net n = image(6x6) -> lift(C4, 2x3) -> pool"));
	assert_false(fails("net n = image(6x6) -> lift(C4, 2x2) -> pool"));
	assert_false(fails("net n = image(6x6) -> lift(C4, 1x3) -> pool"));
	assert_false(fails("net n = image(6x6) -> lift(D2, 2x3) -> pool"));
	assert_true(fails("net n = image(6x6) -> lift(C4, 3x3) -> conv(3x2) -> pool"));
	assert_false(fails("net n = image(6x6) -> lift(C4, 2x3, dilation = 2x1) -> pool"));
	assert_true(fails("net n = image(6x6) -> lift(C4, 2x2, dilation = 2x1) -> pool"));
	assert_false(fails("net n = volume(4x4x4) -> lift(generated(swap(0, 1)), 3x3x2) -> pool"));
	assert_true(fails("net n = volume(4x4x4) -> lift(generated(swap(0, 2)), 3x3x2) -> pool"));
}

static void supports(void **state)
{
	(void)state;
	Network *net = only_net("net n = image(5x5) -> conv(2x3, mask = \".x. xx.\") -> pool");
	const Support *s = &net->nodes[1]->as.weights.support;
	assert_int_equal(s->count, 3);
	assert_false(s->full);
	static const uint32_t cells[3][2] = {{0, 1}, {1, 0}, {1, 1}};
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(s->taps[i].cell[0], cells[i][0]);
		assert_int_equal(s->taps[i].cell[1], cells[i][1]);
		assert_int_equal(s->taps[i].cell[2], 0);
	}
	net = only_net("net n = volume(5x5x5) -> conv(2x1x2, mask = \"x.|.x\") -> pool");
	s = &net->nodes[1]->as.weights.support;
	assert_int_equal(s->count, 2);
	assert_int_equal(s->taps[1].cell[0], 1);
	assert_int_equal(s->taps[1].cell[2], 1);
	/* a list: one mask per element, missing ones are empty */
	net = only_net("net n = signal(5) -> lift(D1, 3) -> conv(3, mask = [\"x.x\"]) -> pool");
	s = &net->nodes[2]->as.weights.support;
	assert_int_equal(s->count, 2);
	assert_int_equal(s->taps[1].element, 0);
	net = only_net("net n = signal(5) -> lift(D1, 3) -> conv(3, mask = \"x.x\", elements = [1]) -> pool");
	s = &net->nodes[2]->as.weights.support;
	assert_int_equal(s->count, 2);
	assert_int_equal(s->taps[0].element, 1);
	net = only_net("net n = signal(5) -> lift(D1, 3) -> conv(3, mask = \"xxx\", elements = [1, 0]) -> pool");
	assert_true(net->nodes[2]->as.weights.support.full);
	/* equal supports are shared */
	net = only_net("net n = signal(5) -> conv(3) -> relu -> conv(3) -> pool");
	assert_ptr_equal(net->nodes[1]->as.weights.support.taps, net->nodes[3]->as.weights.support.taps);
}

static void window_defaults(void **state)
{
	(void)state;
	Network *net = only_net(
		"net n = image(9x8) -> conv(3, dilation = 2) -> avgpool(2x3) -> sumpool(2, stride = 1) -> pool");
	const Window *conv = &net->nodes[1]->as.weights.window, *avg = &net->nodes[2]->as.map.window;
	assert_int_equal(conv->padding, PADDING_SAME);
	assert_int_equal(conv->size[0], 3);
	assert_int_equal(conv->size[1], 3);
	assert_int_equal(conv->dilation[1], 2);
	assert_int_equal(conv->low[0], 2);
	assert_int_equal(avg->padding, PADDING_VALID);
	assert_int_equal(avg->stride[0], 2);
	assert_int_equal(avg->stride[1], 3);
	assert_int_equal(net->nodes[2]->type.shape[0], 4);
	assert_int_equal(net->nodes[2]->type.shape[1], 2);
	assert_int_equal(net->nodes[3]->as.map.window.stride[0], 1);
}

/* ---- names and values ---- */

static double weight_of(const Network *net, uint32_t node)
{
	return net->nodes[node]->as.weights.affine.weight_std->value;
}

static void defaults_hold_where_they_are_written(void **state)
{
	(void)state;
	Network *net =
		only_net("def before = dense\n"
			 "default(weight_std = 2, bias_std = 0.5)\n"
			 "def after = dense\n"
			 "def wrap(n) = n -> dense(bias_std = none)\n"
			 "default(weight_std = 3)\n"
			 "net n = vector(2) -> before -> after -> dense -> wrap(dense) -> dense(weight_std = 4)");
	static const double want[] = {1, 2, 3, 3, 2, 4};
	for (uint32_t i = 0; i < 6; i++)
		assert_true(weight_of(net, i + 1) == want[i]);
	assert_null(net->nodes[1]->as.weights.affine.bias_std);
	assert_true(net->nodes[3]->as.weights.affine.bias_std->value == 0.5);
	assert_null(net->nodes[5]->as.weights.affine.bias_std);
}

static void params_reach_arguments(void **state)
{
	(void)state;
	Program *program =
		check("param w = sqrt(4)\nlet v = w * 3\nnet n = vector(2) -> dense(weight_std = v, bias_std = 1)");
	assert_non_null(program);
	assert_int_equal(program->param_count, 1);
	assert_string_equal(program->params[0].name, "w");
	assert_true(program->params[0].value == 2);
	const Affine *affine = &program->networks[0]->output->as.weights.affine;
	assert_true(affine->weight_std->value == 6);
	const double now = 5;
	assert_true(scalar_eval(affine->weight_std, &now) == 15);
	assert_true(scalar_is_const(affine->bias_std));
	assert_true(fails("param k = 3\nnet n = image(9x9) -> conv(k) -> pool"));
	assert_true(fails("param k = 3\nnet n = vector(k)"));
	assert_true(fails("param k = 3\nnet n = vector(3) -> dense^k"));
	assert_true(fails("param k = 3\nparam l = k + 1\nnet n = vector(3)"));
}

static void def_parameters_of_every_kind(void **state)
{
	(void)state;
	Network *net = only_net(
		"def f(k, w, n, g, p, m) = lift(g, k, padding = p, mask = m, weight_std = w + 1) -> n -> pool\n"
		"net n = image(5x5) -> f(3x3, 1, relu, C4, valid, m = \".x. xxx .x.\")");
	const Node *lift = net->nodes[1];
	assert_int_equal(lift->as.weights.support.count, 5);
	assert_int_equal(lift->as.weights.window.padding, PADDING_VALID);
	assert_true(lift->as.weights.affine.weight_std->value == 2);
	assert_int_equal(lift->type.group->order, 4);
	assert_string_equal(node_text(net->nodes[2]), "abrelu");
}

static void layer_and_function_share_a_name(void **state)
{
	(void)state;
	Network *net = only_net(
		"let x = erf(0.5) + abs(-2)\n"
		"def f(n, y) = n -> dense(weight_std = y)\n"
		"net n = vector(2) -> dense(weight_std = x) -> erf(a = 2) -> f(dense -> abs, abs(-3)) -> f(erf, 1)");
	assert_true(net->nodes[1]->as.weights.affine.weight_std->value > 2.5);
	assert_string_equal(node_text(net->nodes[2]), "erf");
	assert_string_equal(node_text(net->nodes[4]), "abrelu");
	assert_true(net->nodes[5]->as.weights.affine.weight_std->value == 3);
	assert_string_equal(node_text(net->nodes[6]), "erf");
}

static void groups_from_generators(void **state)
{
	(void)state;
	Network *net = only_net(
		"group Q = generated(rot90 * rot90, flip_x)\n"
		"net n = image(6x5) -> lift(Q, 3) -> pool(over = elements) -> lift(generated(swap(0, 1)), 3) -> "
		"pool(over = elements) -> lift(generated(rot90, flip(0)), 3) -> pool");
	assert_int_equal(net->nodes[1]->type.group->order, 4);
	assert_string_equal(net->nodes[1]->type.group->name, "Q");
	assert_int_equal(net->nodes[3]->type.group->order, 2);
	assert_int_equal(net->nodes[5]->type.group->order, 8);
	assert_true(fails("net n = volume(4x4x4) -> lift(generated(rot90), 3) -> pool"));
	assert_true(fails("net n = signal(4) -> lift(generated(flip_x), 3) -> pool"));
	assert_false(fails("net n = signal(4) -> lift(generated(flip_y), 3) -> pool"));
}

static void augment_holds_the_input(void **state)
{
	(void)state;
	Network *net =
		only_net("net n = augment(D4, image(5x5) -> conv(3) -> relu -> flatten -> dense) -> relu -> dense");
	check_invariants(net);
	const Node *augment = net->nodes[5];
	assert_int_equal(augment->kind, NODE_AUGMENT);
	assert_null(augment->input);
	assert_ptr_equal(augment->as.augment.inner, net->nodes[4]);
	assert_ptr_equal(net->input, net->nodes[0]);
	assert_true(augment->type.gaussian && augment->type.centred && !augment->type.theta_zero);
	assert_true(fails("net n = augment(C4, image(5x4) -> conv(3) -> pool)"));
	assert_true(fails("net n = vector(3) -> augment(C4, image(5x5) -> conv(3) -> pool)"));
	assert_true(fails("net n = augment(C4, conv(3) -> pool)"));
	assert_true(fails("net n = augment(C4, image(5x5) -> conv(3))"));
	assert_true(fails("net n = augment(C4, vector(5) -> dense)"));
	assert_false(fails("net a = image(5x5) -> conv(3) -> pool\nnet n = augment(C4, a) -> dense"));
}

static void set_options(void **state)
{
	(void)state;
	SourceSet *sources = ARENA_NEW(arena, SourceSet);
	sources->arena = arena;
	Diag *diag = diag_create(arena, sources);
	static const char text[] = "28x20";
	uint32_t file = source_add(sources, "--set size", text, strlen(text));
	SetOption set = {.name = "size", .value = parse_expression(arena, sources, diag, file), .span = {file, 0, 5}};
	Program *program = check_with("let size = 16x16\nnet n = image(size) -> pool", &set, 1, sources, diag);
	assert_non_null(program);
	assert_int_equal(program->networks[0]->input->type.shape[0], 28);
	assert_int_equal(program->networks[0]->input->type.shape[1], 20);
	set.name = "sizes";
	assert_null(check_with("let size = 16x16\nnet n = image(size) -> pool", &set, 1, sources, diag));
}

/* ---- bounds ---- */

static char *doubling(const char *first, const char *step, uint32_t times, const char *net)
{
	char *text = arena_printf(arena, "def d0 = %s\n", first);
	for (uint32_t i = 0; i < times; i++)
		text = arena_printf(arena, "%sdef d%u = d%u %s d%u\n", text, i + 1, i, step, i);
	return arena_printf(arena, "%snet n = %s", text, net);
}

static void bombs_are_bounded(void **state)
{
	(void)state;
	assert_true(fails(doubling("dense -> relu", "->", 40, "vector(2) -> d40")));
	assert_true(fails(doubling("identity", "->", 40, "vector(2) -> d40")));
	assert_true(fails(doubling("dense", "+", 40, "vector(2) -> d40")));
	assert_false(fails(doubling("dense", "->", 16, "vector(2) -> d16")));
	assert_true(fails("net n = vector(2) -> dense^1000001"));
	assert_true(fails("net n = vector(2) -> dense^1000000000"));
	assert_true(fails("net n = image(100000x100000) -> pool"));
	assert_true(fails("net n = image(9x9) -> conv(3x3)^0 -> pool"));
	assert_true(fails("net n = image(9x9) -> conv(1000000x1000000) -> pool"));
	assert_true(fails("group G = generated(\"(1 2 3 4 5 6 7)\", \"(1 2)\")\nnet n = vector(2)"));
}

static void deep_chains_are_no_recursion(void **state)
{
	(void)state;
	enum { LINKS = 9000 };
	char *text = arena_alloc(arena, LINKS * 10 + 100, 1);
	size_t at = (size_t)sprintf(text, "net n = vector(2)");
	for (int i = 0; i < LINKS; i++)
		at += (size_t)sprintf(text + at, " -> dense");
	assert_int_equal(only_net(text)->node_count, LINKS + 1);
	at = (size_t)sprintf(text, "let x = 1");
	for (int i = 0; i < LINKS; i++)
		at += (size_t)sprintf(text + at, i % 2 ? " + 1" : " ^ 1");
	sprintf(text + at, "\nnet n = vector(x)");
	assert_int_equal(only_net(text)->input->type.channels, LINKS / 2 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeat_on_raw_input_peels_one),
		cmocka_unit_test(settled_repeat_is_one_loop),
		cmocka_unit_test(repeat_once_is_the_body),
		cmocka_unit_test(repeat_with_shrinking_shape_is_unrolled),
		cmocka_unit_test(repeats_nest),
		cmocka_unit_test(repeat_of_identity_is_nothing),
		cmocka_unit_test(residual_repeat_keeps_its_fork),
		cmocka_unit_test(peeled_fork_is_the_node_before),
		cmocka_unit_test(sums_are_flattened),
		cmocka_unit_test(freshness),
		cmocka_unit_test(centred_branches),
		cmocka_unit_test(raw_input_cannot_be_added),
		cmocka_unit_test(products),
		cmocka_unit_test(concatenations),
		cmocka_unit_test(widths),
		cmocka_unit_test(oddness),
		cmocka_unit_test(normalisation_keeps_or_clears),
		cmocka_unit_test(flags_follow_the_table),
		cmocka_unit_test(domains),
		cmocka_unit_test(pools_name_everything_plainly),
		cmocka_unit_test(rotated_offsets),
		cmocka_unit_test(supports),
		cmocka_unit_test(window_defaults),
		cmocka_unit_test(defaults_hold_where_they_are_written),
		cmocka_unit_test(params_reach_arguments),
		cmocka_unit_test(def_parameters_of_every_kind),
		cmocka_unit_test(layer_and_function_share_a_name),
		cmocka_unit_test(groups_from_generators),
		cmocka_unit_test(augment_holds_the_input),
		cmocka_unit_test(set_options),
		cmocka_unit_test(bombs_are_bounded),
		cmocka_unit_test(deep_chains_are_no_recursion),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
