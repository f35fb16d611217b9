/* `check` from end to end on programs made by hand: their kernels are the reference evaluator's, or wrong on purpose.
 *
 * The last test is about completeness: every kind of node either went through `check`, in a net whose kernels agreed
 * with its finite networks, or is refused by name. */
#include "commands/commands.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "finite/finite.h"
#include "network/nonlinearity.h"
#include "network/recheck.h"
#include "arrays/npz.h"
#include "arrays/npz_writer.h"
#include "reference/internal.h"

/* What is wrong with the kernels of a program. */
typedef enum Defect {
	DEFECT_NONE,
	DEFECT_FIRST_LAYER, /* the first layer's NTK counts twice: Theta = K for the raw input, not 0 */
	DEFECT_SCALE,       /* NNGP and NTK 10 % too large */
	DEFECT_NNGP_ONLY    /* the NNGP 10 % too large */
} Defect;

static struct {
	Arena *arena;
	Program *program;
	Defect defect;
	EntkSource file;
	EntkSources sources;
	EntkNet nets[16];
	EntkProgram table;
} self;

/* ---- kernels ---------------------------------------------------------------------------------------------------- */

/* One layer of a chain; the layers' functions are the reference evaluator's. */
static void apply(const Node *node, State *in, State *out)
{
	ReferenceStatus status = REFERENCE_UNSUPPORTED;
	if (node->kind == NODE_WEIGHTS)
		status = layer_weights(node, NULL, in, true, out);
	else if (node->kind == NODE_POINTWISE)
		status = layer_pointwise(node, NULL, in, true, out);
	else if (node->kind == NODE_MAP)
		status = layer_map(node, in, true, out);
	assert_int_equal(status, REFERENCE_OK);
	state_free(in);
}

/* The NTK of a chain of layers that starts from Theta = K of the input [KR-1]: a published implementation of lifting
 * layers did so. */
static double doubled_ntk(const Network *network, const double *x, const double *z)
{
	State state = {0};
	assert_int_equal(layer_input(network->nodes[0], x, z, &state), REFERENCE_OK);
	memcpy(state.a[THETA], state.a[K12], (size_t)(state.n * state.n) * sizeof(double));
	for (uint32_t id = 1; id < network->node_count; id++) {
		State next = {0};
		assert_ptr_equal(network->nodes[id]->input, network->nodes[id - 1]);
		apply(network->nodes[id], &state, &next);
		state = next;
	}
	double ntk = state.a[THETA][0];
	state_free(&state);
	return ntk;
}

static void pair(const Network *network, const double *x, const double *z, bool same, double *nngp, double *ntk)
{
	assert_int_equal(reference_pair(network, NULL, x, z, same, nngp, ntk), REFERENCE_OK);
	if (self.defect == DEFECT_FIRST_LAYER)
		*ntk = doubled_ntk(network, x, z);
	if (self.defect == DEFECT_SCALE)
		*ntk *= 1.1;
	if (self.defect == DEFECT_SCALE || self.defect == DEFECT_NNGP_ONLY)
		*nngp *= 1.1;
}

static void kernel(const EntkTile *tile)
{
	uint32_t index = (uint32_t)tile->coefficients[0];
	const EntkNet *net = &self.nets[index];
	size_t size = (size_t)net->shape[0] * net->shape[1] * net->shape[2] * net->channels;
	for (uint32_t i = 0; i < tile->n_left; i++)
		for (uint32_t j = 0; j < tile->n_right; j++) {
			double nngp, ntk;
			const double *x = tile->x, *z = tile->z;
			pair(self.program->networks[index], x + tile->left[i] * size, z + tile->right[j] * size,
			     x == z && tile->left[i] == tile->right[j], &nngp, &ntk);
			tile->nngp[i * tile->out_stride + j] = nngp;
			if (tile->ntk)
				tile->ntk[i * tile->out_stride + j] = ntk;
		}
}

#define INDEX(n)                                                          \
	static void index_##n(const double *params, double *coefficients) \
	{                                                                 \
		(void)params;                                             \
		coefficients[0] = n;                                      \
	}
INDEX(0)
INDEX(1)
INDEX(2)
INDEX(3) static void (*const index_functions[])(const double *, double *) = {index_0, index_1, index_2, index_3};

/* ---- programs --------------------------------------------------------------------------------------------------- */

static void make_program(const char *text, Defect defect)
{
	arena_destroy(self.arena);
	self.arena = arena_create();
	self.defect = defect;
	self.file = (EntkSource){"test.entk", (const unsigned char *)text, strlen(text)};
	self.sources = (EntkSources){.file_count = 1, .files = &self.file};
	self.program = program_recheck(self.arena, &self.sources);
	assert_non_null(self.program);
	assert_true(self.program->network_count <= 4);
	for (uint32_t i = 0; i < self.program->network_count; i++) {
		const Type *input = &self.program->networks[i]->input->type;
		EntkNet *net = &self.nets[i];
		*net = (EntkNet){.name = self.program->networks[i]->name,
				 .explanation = "",
				 .shape = {1, 1, 1},
				 .channels = input->channels,
				 .lanes = 1,
				 .coefficient_count = 1,
				 .tile_left = 4,
				 .tile_right = 4,
				 .workspace_bytes = 64,
				 .coefficients = index_functions[i],
				 .kernel = kernel};
		net->dim = input->domain == DOMAIN_GRID ? input->dim : 0;
		for (uint32_t a = 0; a < net->dim; a++)
			net->shape[a] = input->shape[a];
	}
	self.table = (EntkProgram){.abi_version = ENTK_ABI_VERSION,
				   .precision = 64,
				   .compiler = "by hand",
				   .cpu = "any",
				   .cpu_features = "",
				   .vector_bits = 64,
				   .source = "test.entk",
				   .net_count = self.program->network_count,
				   .nets = self.nets,
				   .sources = &self.sources};
}

/* The exit status; what it says goes nowhere, or to a file. */
static int run(const char *to, const char *const *words, int count)
{
	char *argv[24] = {"test", "check"};
	int argc = 2;
	for (int i = 0; i < count; i++)
		argv[argc++] = (char *)words[i];
	fflush(stdout);
	fflush(stderr);
	int out = dup(1), err = dup(2), file = open(to ? to : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(out >= 0 && err >= 0 && file >= 0);
	dup2(file, 1);
	dup2(file, 2);
	int status = entk_main(&self.table, argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(file);
	return status;
}
#define CHECK(...)                                    \
	run(NULL, (const char *const[]){__VA_ARGS__}, \
	    (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

/* ---- verdicts --------------------------------------------------------------------------------------------------- */

static const char c4_net[] = "net c4 = image(6x6) -> lift(C4, 3x3, padding = valid) -> relu"
			     " -> conv(2x2, padding = valid) -> relu -> pool -> dense\n";

static void test_right_kernel(void **state)
{
	(void)state;
	make_program(c4_net, DEFECT_NONE);
	for (int seed = 1; seed <= 3; seed++) {
		char option[16];
		snprintf(option, sizeof option, "--seed=%d", seed);
		assert_int_equal(CHECK("--widths=16,32,64", "--nets=60", option), 0);
	}
}

static void test_first_layer_twice(void **state)
{
	(void)state;
	make_program(c4_net, DEFECT_FIRST_LAYER);
	assert_int_equal(CHECK("--widths=16,32,64", "--nets=60"), 2);
	/* only the NTK is wrong */
	assert_int_equal(CHECK("--widths=16,32,64", "--nets=60", "--kernel=nngp"), 0);
	assert_int_equal(CHECK("--widths=16,32,64", "--nets=60", "--kernel=ntk"), 2);
}

/* The same defect on white noise: the same effort does not see it. */
static void test_white_noise_hides_it(void **state)
{
	(void)state;
	char path[] = "/tmp/entk-test-noise-XXXXXX";
	EntkError error;
	EntkNpzWriter *writer;
	size_t shape[] = {4, 24, 24, 1};
	static double x[4 * 24 * 24];
	int file = mkstemp(path);
	assert_true(file >= 0);
	close(file);
	uint64_t seed = 1;
	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		x[i] = -6;
		for (int k = 0; k < 12; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			x[i] += (double)(seed >> 11) * 0x1p-53;
		}
	}
	assert_int_equal(entk_npz_writer_create(path, 0, &writer, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add(writer, "x", ENTK_F64, 4, shape, x, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_commit(writer, &error), ENTK_OK);
	entk_npz_writer_destroy(writer);
	make_program("net c4 = image(24x24) -> lift(C4, 5x5, stride = 4, padding = valid) -> relu"
		     " -> conv(3x3, padding = valid) -> relu -> pool -> dense\n",
		     DEFECT_FIRST_LAYER);
	assert_int_equal(CHECK("--widths=8,16,32", "--nets=200", "--samples=2"), 2);
	assert_int_equal(CHECK("--widths=8,16,32", "--nets=200", "--samples=2", path), 0);
	unlink(path);
}

static void test_other_defects(void **state)
{
	(void)state;
	make_program("net n = vector(8) -> dense(bias_std = 0.3) -> erf -> dense -> erf -> dense\n", DEFECT_SCALE);
	assert_int_equal(CHECK("--nets=200"), 2);
	make_program("net n = vector(8) -> dense(bias_std = 0.3) -> erf -> dense -> erf -> dense\n", DEFECT_NNGP_ONLY);
	assert_int_equal(CHECK("--nets=200", "--kernel=ntk"), 0);
	assert_int_equal(CHECK("--nets=200", "--kernel=nngp"), 2);
	/* A kernel that finite networks have exactly: every difference is one. */
	make_program("net n = vector(8) -> dense\n", DEFECT_NONE);
	assert_int_equal(CHECK("--nets=50"), 0);
	make_program("net n = vector(8) -> dense\n", DEFECT_SCALE);
	assert_int_equal(CHECK("--nets=50", "--kernel=ntk"), 2);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void expect_text(const char *expected, int status, const char *const *words, int count)
{
	char path[] = "/tmp/entk-test-check-XXXXXX", text[4096];
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(run(path, words, count), status);
	ssize_t length = read(file, text, sizeof text - 1);
	close(file);
	unlink(path);
	assert_true(length > 0);
	text[length] = '\0';
	if (strstr(text, expected) == NULL)
		fail_msg("expected \"%s\" in\n%s", expected, text);
}
#define EXPECT(text, status, ...)                                     \
	expect_text(text, status, (const char *const[]){__VA_ARGS__}, \
		    (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void test_refusals(void **state)
{
	(void)state;
	make_program("net large = image(32x32, channels = 3) -> (conv(3x3) -> relu)^20 -> pool -> dense\n"
		     "net small = vector(3) -> dense -> relu -> dense\n",
		     DEFECT_NONE);
	EXPECT("large: not checked: its finite networks take about", 1, "--nets=64", "--max-time=20");
	EXPECT("net small: 10 pairs", 1, "--nets=64", "--max-time=20"); /* all the same */
	EXPECT("out of memory", 3, "--net=large", "--widths=32768,65536");
	make_program("net long = vector(3) -> (dense -> relu)^11000 -> dense\n", DEFECT_NONE);
	EXPECT("more than 20000 layers", 1, "--quiet");
	make_program(c4_net, DEFECT_NONE);
	self.table.sources = NULL;
	EXPECT("carries no sources", 1, "--quiet");
	make_program(c4_net, DEFECT_NONE);
	EXPECT("at least two widths", 1, "--widths=32");
	EXPECT("increasing widths", 1, "--widths=32,16");
	EXPECT("expected a whole number", 1, "--widths=32,x");
	EXPECT("expected a whole number between 10", 1, "--nets=1");
	EXPECT("expected nngp, ntk or both", 1, "--kernel=theta");
	EXPECT("one argument too many", 1, "a.npy", "b.npy");
	EXPECT("no/such/file.npy", 1, "no/such/file.npy");
}

/* Training with augmentation is training the equivariant network. */
static void test_augmentation(void **state)
{
	(void)state;
	make_program("net augmented = augment(C4, image(5x5) -> conv(3x3, padding = valid) -> relu -> pool -> dense)\n"
		     "net c4 = image(5x5) -> lift(C4, 3x3, padding = valid) -> relu -> pool -> dense\n",
		     DEFECT_NONE);
	EXPECT("kernels of augmented against those of c4, largest relative difference: nngp", 0, "--widths=16,32,64",
	       "--nets=40");
}

/* ---- every kind of node ----------------------------------------------------------------------------------------- */

static const char *const kind_nets =
	"net a = image(5x4, channels = 2) -> conv(3x3, stride = 2, bias_std = 0.5) -> relu -> conv(2x2, padding = "
	"circular) -> "
	"(relu -> conv(1x1) + identity) -> leaky_relu(0.2) -> avgpool(2x2, stride = 1) -> flatten -> dense(bias_std = "
	"0.2)\n"
	"net b = image(4x4) -> lift(C4, 2x2, mask = \".x xx\") -> erf(a = 1.2, b = 0.8, c = 0.1) -> conv(2x2, elements "
	"= [0, 1]) -> "
	"relu -> pool(over = positions) -> conv(elements = [0, 3]) -> abs -> pool -> dense\n"
	"net c = augment(D1, signal(5) -> conv(3) -> relu -> flatten -> dense) -> erf -> dense\n"
	"net d = vector(4) -> dense -> (erf -> dense(bias_std = 0.1))^3 -> relu -> (dense + dense -> relu -> dense)\n";

/* Every nonlinearity that is a function. Weights keep exponentials and powers from heavy tails, in which the mean of sixty
 * networks would be lost; behind `rbf` variances are one, where the kernel of `hermite` is that of its function. */
static const char *const nonlinearity_nets =
	"net e = vector(4) -> dense -> gelu -> dense -> sin(b = 1.3, c = 0.4) -> dense -> gabor -> dense -> gaussian -> dense\n"
	"net f = vector(4) -> dense -> rbf(gamma = 0.5) -> dense -> hermite(2) -> dense(weight_std = 0.5) -> exp(b = 0.5) -> "
	"dense(weight_std = 0.5)\n"
	"net g = vector(4) -> dense -> sign -> dense -> polynomial([0.1, 1, 0.2]) -> dense(weight_std = 0.7) -> "
	"rectified_monomial(2) -> dense\n";

/* Layers that scale, all joins, and limits that depend on widths. */
static const char *const join_nets =
	"default(width = 8)\n"
	"net h = image(4x4) -> conv(3x3) -> layernorm(over = positions) -> relu -> dropout(0.7) -> (conv(2x2) * conv(1x1)) -> "
	"conv(1x1) -> pool -> dense\n"
	"net i = image(3x3) -> concat(conv(2x2) -> relu, conv(1x1, width = 4), identity) -> conv(1x1) -> "
	"concat(conv(1x1), conv(1x1), axis = 1) -> relu -> flatten -> dense(parameterization = standard, bias_std = 0.1) -> "
	"erf -> dense(parameterization = standard)\n";

/* Layers without a finite counterpart. */
static const char *const refused_nets = "net r = vector(4) -> dense -> exp_normalized -> dense\n";

typedef struct Texts {
	const char *text[64];
	uint32_t count;
} Texts;

static bool has_text(const Texts *t, const char *text)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (strcmp(t->text[i], text) == 0)
			return true;
	return false;
}

static void add_text(Texts *t, const Node *node)
{
	assert_true(t->count < sizeof t->text / sizeof *t->text);
	if (!has_text(t, node_text(node)))
		t->text[t->count++] = node_text(node);
}

static void add_program(Texts *t)
{
	for (uint32_t i = 0; i < self.program->network_count; i++)
		for (uint32_t id = 0; id < self.program->networks[i]->node_count; id++)
			add_text(t, self.program->networks[i]->nodes[id]);
}

/* All there are: a node of each class, and of each of its kinds. */
static void add_all(Texts *t)
{
	for (int kind = 0; kind < NODE_KIND_COUNT; kind++)
		if (kind != NODE_POINTWISE && kind != NODE_WEIGHTS && kind != NODE_MAP && kind != NODE_SCALING && kind != NODE_JOIN)
			add_text(t, &(Node){.kind = (NodeKind)kind});
	for (int id = 0; id < NONLINEARITY_COUNT; id++)
		add_text(t, &(Node){.kind = NODE_POINTWISE, .as.pointwise.f = &nonlinearities[id]});
	for (int relation = RELATION_OWN; relation <= RELATION_GROUP; relation++)
		add_text(t, &(Node){.kind = NODE_WEIGHTS, .as.weights.relation = (Relation)relation});
	for (int map = MAP_WINDOW; map <= MAP_FLATTEN; map++)
		add_text(t, &(Node){.kind = NODE_MAP, .as.map.kind = (MapKind)map});
	for (int scaling = SCALING_LAYERNORM; scaling <= SCALING_DROPOUT; scaling++)
		add_text(t, &(Node){.kind = NODE_SCALING, .as.scaling.kind = (ScalingKind)scaling});
	for (int join = JOIN_SUM; join <= JOIN_CONCAT; join++)
		add_text(t, &(Node){.kind = NODE_JOIN, .as.join.kind = (JoinKind)join});
}

/* What has a kernel is checked, what is not checked is refused, and nothing is forgotten. */
static void test_every_kind(void **state)
{
	(void)state;
	Texts checked = {0}, refused = {0}, all = {0};
	const char *const nets[] = {kind_nets, nonlinearity_nets, join_nets};
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
		make_program(nets[i], DEFECT_NONE);
		assert_int_equal(CHECK("--widths=24,48,96", "--nets=60", "--samples=3"), 0);
		add_program(&checked);
	}
	make_program(refused_nets, DEFECT_NONE);
	const Network *network = self.program->networks[0];
	for (uint32_t id = 0; id < network->node_count; id++) {
		const Node *node = network->nodes[id];
		if (finite_refusal(node) != NULL)
			add_text(&refused, node);
		else if (!has_text(&checked, node_text(node)))
			fail_msg("%s was never checked, and is not refused", node_text(node));
	}
	add_all(&all);
	for (uint32_t i = 0; i < all.count; i++)
		if (has_text(&checked, all.text[i]) == has_text(&refused, all.text[i]))
			fail_msg("%s: %s", all.text[i],
				 has_text(&refused, all.text[i]) ? "is refused, and was checked"
								 : "was never checked, and is not refused");
}

static int clean_up(void **state)
{
	(void)state;
	arena_destroy(self.arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_kernel),
		cmocka_unit_test(test_first_layer_twice),
		cmocka_unit_test(test_white_noise_hides_it),
		cmocka_unit_test(test_other_defects),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_augmentation),
		cmocka_unit_test(test_every_kind),
	};
	return cmocka_run_group_tests(tests, NULL, clean_up);
}
