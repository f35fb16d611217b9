/* entk_program() of `--backend=reference`: the sources that the program carries are parsed and checked once more, and
 * every kernel is the reference evaluator. Programs of this backend link libentk_reference.a in place of a generated
 * object. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/symmetry.h"
#include "base/diag.h"
#include "entk_abi.h"
#include "network/recheck.h"
#include "reference/embedded.h"
#include "reference/reference.h"

/* A kernel knows its net by coefficients[0], as the table's functions carry no context. */
#define MAX_NETS    64
#define EIGHT(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
#define NETS(X)     EIGHT(X, 0) EIGHT(X, 01) EIGHT(X, 02) EIGHT(X, 03) EIGHT(X, 04) EIGHT(X, 05) EIGHT(X, 06) EIGHT(X, 07)

static struct {
	Program *program;
	EntkProgram table;
} self;

static void fill_coefficients(uint32_t net, const double *params, double *coefficients)
{
	coefficients[0] = net;
	for (uint32_t i = 0; i < self.program->param_count; i++)
		coefficients[1 + i] = params[i];
}

/* One function per net, numbered in octal: 00 .. 077. */
#define X(n)                                                                     \
	static void coefficients_##n(const double *params, double *coefficients) \
	{                                                                        \
		fill_coefficients(n, params, coefficients);                      \
	}
NETS(X)
#undef X

static void (*const coefficient_functions[])(const double *, double *) = {
#define X(n) coefficients_##n,
	NETS(X)
#undef X
};
_Static_assert(sizeof coefficient_functions / sizeof coefficient_functions[0] == MAX_NETS, "one function per net");

/* The ABI has no way to fail: the one thing that can go wrong here ends the program, with the status of a system's
 * failure. _exit, as other threads are at work. */
static _Noreturn void fail(const char *net, ReferenceStatus status)
{
	static const char *const reasons[] = {
		[REFERENCE_OK] = "no error",
		[REFERENCE_NO_MEMORY] = "not enough memory for its full arrays",
		[REFERENCE_UNSUPPORTED] = "it has a layer without a reference map",
	};
	fprintf(stderr, "error: the reference evaluator cannot compute net \"%s\": %s\n", net, reasons[status]);
	fflush(NULL);
	_exit(status == REFERENCE_NO_MEMORY ? 3 : 70);
}

static void kernel(const EntkTile *tile)
{
	uint32_t index = (uint32_t)tile->coefficients[0];
	const Network *network = self.program->networks[index];
	const EntkNet *net = &self.table.nets[index];
	size_t sample = (size_t)net->shape[0] * net->shape[1] * net->shape[2] * net->channels;
	const double *x = tile->x, *z = tile->z;
	for (uint32_t i = 0; i < tile->n_left; i++) {
		for (uint32_t j = 0; j < tile->n_right; j++) {
			bool same = x == z && tile->left[i] == tile->right[j];
			double nngp, ntk;
			ReferenceStatus status =
				reference_pair(network, tile->coefficients + 1, x + tile->left[i] * sample,
					       z + tile->right[j] * sample, same, &nngp, &ntk);
			if (status != REFERENCE_OK)
				fail(net->name, status);
			tile->nngp[i * tile->out_stride + j] = nngp;
			if (tile->ntk != NULL)
				tile->ntk[i * tile->out_stride + j] = ntk;
		}
	}
}

/* ---- building the table --------------------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{ /* FNV-1a */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
	return hash;
}

/* What the printed table shortens: long lists of taps and branches. */
static uint64_t hash_lists(uint64_t hash, const Node *node)
{
	if (node->kind == NODE_WEIGHTS && node->as.weights.relation != RELATION_OWN) {
		const Support *support = &node->as.weights.support;
		for (uint32_t i = 0; i < support->count && !support->full; i++) {
			uint32_t numbers[] = {support->taps[i].element, support->taps[i].cell[0],
					      support->taps[i].cell[1], support->taps[i].cell[2]};
			hash = hash_bytes(hash, numbers, sizeof numbers);
		}
	}
	for (uint32_t i = 0; node->kind == NODE_JOIN && i < node->as.join.count; i++)
		hash = hash_bytes(hash, &node->as.join.branches[i]->id, sizeof(uint32_t));
	return hash;
}

/* Of the printed network, without the net's name and the layers' places in the files. */
static uint64_t hash_network(const Program *program, const Network *network)
{
	Network nameless = *network, *networks[1] = {&nameless};
	Program alone = *program;
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	if (to == NULL)
		arena_exhausted();
	nameless.name = "";
	alone.networks = networks;
	alone.network_count = 1;
	alone.sources = NULL;
	network_print(&alone, to);
	bool good = !ferror(to);
	if (fclose(to) != 0 || !good || text == NULL)
		arena_exhausted();
	uint64_t hash = hash_bytes(14695981039346656037u, "reference", 9); /* never a compiled kernel's */
	hash = hash_bytes(hash, text, length);
	for (uint32_t id = 0; id < network->node_count; id++)
		hash = hash_lists(hash, network->nodes[id]);
	free(text);
	return hash;
}

static EntkNet describe(Arena *arena, const Program *program, uint32_t index)
{
	const Network *network = program->networks[index];
	const Type *input = &network->input->type;
	bool grid = input->domain == DOMAIN_GRID;
	EntkNet net = {
		.name = network->name,
		.summary = symmetry_summary(arena, network),
		.explanation = "reference evaluator: straight from the definitions, on full arrays",
		.dim = grid ? input->dim : 0,
		.shape = {1, 1, 1},
		.channels = input->channels,
		.lanes = 1,
		.coefficient_count = 1 + program->param_count,
		.tile_left = 4,
		.tile_right = 4,
		.workspace_bytes = 64,
		.hash = hash_network(program, network),
		.coefficients = coefficient_functions[index],
		.kernel = kernel,
	};
	for (uint32_t a = 0; grid && a < input->dim; a++)
		net.shape[a] = input->shape[a];
	return net;
}

static void build(void)
{
	Arena *arena = arena_create(); /* lives as long as the program */
	self.program = program_recheck(arena, &entk_embedded_sources);
	if (self.program == NULL)
		ICE("the embedded sources are refused");
	if (self.program->network_count > MAX_NETS) {
		fprintf(stderr, "error: the reference backend serves at most %d nets, \"%s\" has %u\n", MAX_NETS,
			entk_embedded_source_name, self.program->network_count);
		exit(2);
	}
	EntkNet *nets = ARENA_ARRAY(arena, EntkNet, self.program->network_count);
	EntkParam *params = ARENA_ARRAY(arena, EntkParam, self.program->param_count + 1u);
	for (uint32_t i = 0; i < self.program->network_count; i++)
		nets[i] = describe(arena, self.program, i);
	for (uint32_t i = 0; i < self.program->param_count; i++)
		params[i] = (EntkParam){self.program->params[i].name, self.program->params[i].value};
	self.table = (EntkProgram){
		.abi_version = ENTK_ABI_VERSION,
		.precision = 64, /* whatever was asked for: the evaluator takes doubles */
		.compiler = entk_embedded_compiler,
		.cpu = "any (reference evaluator)",
		.cpu_features = "",
		.vector_bits = 64,
		.source = entk_embedded_source_name,
		.net_count = self.program->network_count,
		.nets = nets,
		.param_count = self.program->param_count,
		.params = params,
		.sources = &entk_embedded_sources,
	};
}

const EntkProgram *entk_program(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, build);
	return &self.table;
}
