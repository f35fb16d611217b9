/* What the files of the finite networks share.
 *
 *   plan.c       the network as a list of steps; which layers are refused
 *   channels.c   how many channels each step has, in units of the width
 *   maps.c       index maps of convolutions, matrices of pools
 *   random.c     random numbers
 *   layer.c      one step forward and backward
 *   join.c       branches joined: sums, products, concatenations
 *   scaling.c    layernorm and dropout
 *   net.c        one network: draw, outputs, kernels, cost */
#ifndef ENTK_FINITE_INTERNAL_H
#define ENTK_FINITE_INTERNAL_H

#include "finite/finite.h"
#include "network/index.h"

/* ---- channels ------------------------------------------------------------------------------------------------- */

#define CHANNELS_FIXED UINT32_MAX /* raw input: `extra` channels, whatever the width; factor 0 */

/* factor x the width of a class + extra. Weight layers open classes; a sum makes those of its branches agree. */
typedef struct Channels {
	uint32_t class;
	uint64_t factor, extra;
} Channels;

/* A class is `factor` times its parent, plus `extra`; the width itself where it has none (parent == own index). */
typedef struct ChannelClass {
	uint32_t parent;
	uint64_t factor, extra;
} ChannelClass;

typedef struct ChannelTable {
	ChannelClass *classes;
	uint32_t count, capacity;
} ChannelTable;

Channels channels_new(Arena *arena, ChannelTable *table);
Channels channels_fixed(uint64_t count);
Channels channels_times(Channels channels, uint64_t factor);
/* Make both equal; false if that takes absurd widths, or fractions. */
bool channels_unify(Arena *arena, ChannelTable *table, Channels a, Channels b);
/* Bring both near the ratio of `a_width` and `b_width`, exactly if that takes small factors; the channels of both side by
 * side. False if there are absurdly many. */
bool channels_beside(Arena *arena, ChannelTable *table, Channels a, uint64_t a_width, Channels b, uint64_t b_width,
		     Channels *both);
uint64_t channels_count(const ChannelTable *table, Channels channels, uint32_t width);

/* ---- index relations ------------------------------------------------------------------------------------------ */

/* One index map per tap of a weight layer; NULL: every index reads itself (dense). */
typedef struct TapMaps {
	uint32_t taps;
	const int64_t *maps; /* taps x outputs */
} TapMaps;

/* A sparse matrix of a pool by rows: output g sums weights[i] x input[columns[i]] for start[g] <= i < start[g + 1]. */
typedef struct PoolMatrix {
	uint64_t *start;
	uint64_t *columns;
	double *weights;
} PoolMatrix;

/* More index entries than this in one network are refused: half a GiB. */
#define FINITE_MAX_ENTRIES ((uint64_t)1 << 26)

uint64_t finite_entries(const Node *node); /* that the node's maps or matrix would have */
TapMaps *finite_tap_maps(Arena *arena, const Node *node);
PoolMatrix *finite_pool_matrix(Arena *arena, const Node *node);

/* ---- the plan ------------------------------------------------------------------------------------------------- */

typedef enum StepOp {
	STEP_INPUT,     /* the samples, or all their transformed copies */
	STEP_WEIGHTS,   /* dense, conv, lift, group conv */
	STEP_POOL,      /* a fixed matrix over indices */
	STEP_FLATTEN,   /* indices become channels: the same numbers */
	STEP_POINTWISE, /* a nonlinearity */
	STEP_SUM,
	STEP_PRODUCT,
	STEP_CONCAT, /* along channels or an axis of the grid */
	STEP_LAYERNORM,
	STEP_DROPOUT, /* while training */
	STEP_AUGMENT  /* mean over the copies of a sample [KR-15] */
} StepOp;

/* Features of a step: samples x copies x indices x channels, row-major. */
typedef struct Step {
	StepOp op;
	const Node *node;
	const uint32_t *inputs; /* earlier steps */
	uint32_t input_count;
	uint32_t copies;  /* of each sample: orders of the groups of the augmentations around */
	uint64_t indices; /* size of the index set */
	Channels channels;
	bool trained;             /* there are parameters at or before it */
	const TapMaps *taps;      /* STEP_WEIGHTS */
	const PoolMatrix *matrix; /* STEP_POOL */
} Step;

struct FinitePlan {
	const Network *network;
	Step *steps;
	uint32_t step_count;
	const Group **groups; /* of the augmentations, outermost first */
	uint32_t group_count;
	bool drops; /* there is a STEP_DROPOUT */
	ChannelTable channels;
};

/* Repeats are written out: a network of more steps is refused. */
#define FINITE_MAX_STEPS  20000
#define FINITE_MAX_COPIES 4096

/* ---- random numbers ------------------------------------------------------------------------------------------- */

typedef struct Random {
	uint64_t state[4];
	double spare;
	bool has_spare;
} Random;

Random random_begin(uint64_t seed, uint64_t width, uint64_t number);
uint64_t random_bits(Random *random);
double random_normal(Random *random);

/* ---- one network ---------------------------------------------------------------------------------------------- */

typedef struct FiniteNet {
	const FinitePlan *plan;
	const double *params;
	uint32_t samples;
	size_t *channels; /* per step */
	/* All parameters, standard normal: per step of weights, taps x input channels x output channels, then the bias. */
	double *parameters;
	size_t parameter_count;
	size_t *first;       /* per step: its first parameter */
	uint64_t mask_seed;  /* of the masks of STEP_DROPOUT, which are drawn again whenever they are needed */
	double **features;   /* per step; NULL before the pass */
	double **cotangents; /* per step; NULL: nothing arrived yet */
	double *rows;        /* scratch: gathered rows of a step of weights, cotangents of a factor of a product */
	double *gradients;   /* scratch: of one tap, a row per sample */
} FiniteNet;

FiniteStatus finite_net_create(const FinitePlan *plan, const double *params, uint32_t width, uint32_t samples,
			       bool with_ntk, FiniteNet *net);
void finite_net_destroy(FiniteNet *net);
void finite_net_draw(FiniteNet *net, Random *random);
/* Features of all steps. Those of the last one are samples x outputs, outputs = net->channels of it. */
FiniteStatus finite_net_forward(FiniteNet *net, const double *x);
/* After a forward pass: ntk[i, j] = sum over parameters of d(v . f(x_i)) d(v . f(x_j)) for a vector v over outputs. */
FiniteStatus finite_net_ntk(FiniteNet *net, const double *v, double *ntk);

size_t step_rows(const FiniteNet *net, const Step *step); /* samples x copies x indices */
size_t step_numbers(const FiniteNet *net, uint32_t s);    /* of its features */
/* Cotangent of an input, or NULL where nothing behind it has parameters. */
double *step_into(const FiniteNet *net, uint32_t input);

void step_forward(FiniteNet *net, uint32_t s, const double *x);
/* Adds to the cotangents of the inputs that are trained, and what the step's own parameters give to `ntk`. */
void step_backward(FiniteNet *net, uint32_t s, double *ntk);

/* STEP_FLATTEN and STEP_SUM: the same numbers. */
void forward_sum(FiniteNet *net, uint32_t s);
void backward_sum(FiniteNet *net, uint32_t s);
void forward_product(FiniteNet *net, uint32_t s);
void backward_product(FiniteNet *net, uint32_t s);
void forward_concat(FiniteNet *net, uint32_t s);
void backward_concat(FiniteNet *net, uint32_t s);
void forward_layernorm(FiniteNet *net, uint32_t s);
void backward_layernorm(FiniteNet *net, uint32_t s);
void forward_dropout(FiniteNet *net, uint32_t s);
void backward_dropout(FiniteNet *net, uint32_t s);

#endif
