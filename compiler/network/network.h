/* The network: a typed, immutable DAG of layers, all names, constants, defaults and blocks resolved.
 *
 * This is the hinge of the compiler. network/sema*.c builds it from the syntax tree and is the only writer;
 * reference/ evaluates it straight from the definitions, analysis/ proves things about it, recursion/ lowers it.
 * Equations: docs/math.md. A repeat stays a repeat.
 *
 * Conventions: grids have 1..3 axes, row-major, axis 0 first. `group` fields point to groups on that grid.
 * Arrays of data are channels-last. */
#ifndef ENTK_NETWORK_H
#define ENTK_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/source.h"
#include "network/group.h"
#include "network/scalar.h"

/* ---- types: what lives on an edge --------------------------------------------------------------------------- */

typedef enum DomainKind {
	DOMAIN_VECTOR,     /* one point */
	DOMAIN_GRID,       /* positions */
	DOMAIN_GROUP_GRID, /* (t, r): positions and elements of `group`; flat order [r] x grid, r slowest */
	DOMAIN_GROUP       /* a bare H, after pool(over = positions) */
} DomainKind;

typedef struct Type {
	DomainKind domain;
	uint32_t dim;                 /* axes of the grid; for DOMAIN_GROUP that of the grid it came from */
	uint32_t shape[GRID_MAX_DIM]; /* DOMAIN_GRID and DOMAIN_GROUP_GRID; 1 beyond dim */
	const Group *group;           /* DOMAIN_GROUP_GRID and DOMAIN_GROUP */
	uint32_t channels;            /* of the raw input; 0 after a weight layer: infinitely many */
	bool gaussian;                /* math.md 9: the next nonlinearity's limit is known */
	bool centred;                 /* zero mean */
	bool theta_zero;              /* no parameters so far: Theta = 0 */
	/* Channels of a finite network of this description, where the user gave the width of the weight layer: standard
	 * parameterization and concatenation of channels depend on it. 0: unknown, or too many; `channels` of raw input. */
	uint32_t width;
} Type;

/* ---- windows and supports ----------------------------------------------------------------------------------- */

typedef enum Padding { PADDING_VALID, PADDING_SAME, PADDING_CIRCULAR } Padding;

/* Geometry of a conv, lift or window pool, per axis (math.md 3). Output t reads positions
 * t * stride - low + dilation * u for cells 0 <= u < window; `low`, and the output size, follow from the padding. */
typedef struct Window {
	uint32_t size[GRID_MAX_DIM]; /* cells per axis; 1 beyond dim */
	uint32_t stride[GRID_MAX_DIM];
	uint32_t dilation[GRID_MAX_DIM];
	Padding padding;
	int32_t low[GRID_MAX_DIM]; /* low padding `lo` */
} Window;

/* One element s of a support multiset. A group convolution reads (p(t) + rho(r) y, r h). */
typedef struct Tap {
	uint16_t element;            /* h: group convolutions; 0 otherwise */
	uint32_t cell[GRID_MAX_DIM]; /* u in the window; 0 beyond dim */
} Tap;

typedef struct Support {
	const Tap *taps;
	uint32_t count; /* |S|; at least 1 */
	bool full;      /* all cells of the window (times all elements of H) */
} Support;

/* ---- nodes -------------------------------------------------------------------------------------------------- */

/* A new layer is one row here, then one case in each stage (docs/architecture.md, "Adding a layer"). */
#define NODE_KINDS(X)                                                                                       \
	X(INPUT, "input")             /* raw data */                                                        \
	X(HOLE, "hole")               /* the value that enters the body of a repeat */                      \
	X(DENSE, "dense")             /* channels only, at every position and element */                    \
	X(CONV, "conv")               /* plain convolution on a grid */                                     \
	X(LIFT, "lift")               /* grid -> group over grid */                                         \
	X(GROUP_CONV, "group conv")   /* on group over grid; on a bare H (dim axes all 1x1 windows) */      \
	X(WINDOW_POOL, "window pool") /* avgpool, sumpool; per group element on a group */                  \
	X(POOL, "pool")               /* global mean or sum over positions, elements or everything */       \
	X(FLATTEN, "flatten")                                                                               \
	X(ABRELU, "abrelu")   /* relu, leaky_relu, abs, abrelu: a min(x,0) + b max(x,0) */                  \
	X(ERF, "erf")         /* a erf(b x) + c */                                                          \
	X(SUM, "sum")         /* branches joined by + */                                                    \
	X(REPEAT, "repeat")   /* body applied count times, each with its own weights */                     \
	X(AUGMENT, "augment") /* mean of K(g x, g' x') of the inner net */                                  \
	/* typed and followed by the symmetry proof, but without a kernel in this version: see Gap */       \
	X(PLANNED, "planned") /* pointwise or a normalisation: every position and element stays in place */ \
	X(PRODUCT, "product") /* branches joined by * */                                                    \
	X(CONCAT, "concat")   /* branches joined along the channels or a grid axis */

typedef enum NodeKind {
#define X(name, text) NODE_##name,
	NODE_KINDS(X)
#undef X
		NODE_KIND_COUNT
} NodeKind;

typedef enum PoolOver { POOL_EVERYTHING, POOL_POSITIONS, POOL_ELEMENTS } PoolOver;

typedef struct Node Node;

/* Why a node has no kernel in this version. The driver refuses to compile it (network_report_gaps), so that the
 * reference evaluator and lowering never meet such a node. */
typedef enum Gap { GAP_NONE, GAP_LAYER, GAP_PRODUCT, GAP_STANDARD } Gap;

/* Weights and bias of a dense, conv, lift or group conv layer. */
typedef struct Affine {
	const Scalar *weight_std;
	const Scalar *bias_std; /* NULL: no bias */
	bool standard;          /* standard parameterization, with the width multipliers s (math.md 2) */
	uint32_t s[2];          /* of the input's and of the layer's own width */
} Affine;

/* An argument of a PLANNED node as given: a number, or a text. */
typedef struct PlannedArg {
	const char *name;
	const Scalar *number; /* NULL: `text` */
	const char *text;
} PlannedArg;

#define CONCAT_CHANNELS UINT32_MAX

struct Node {
	NodeKind kind;
	uint32_t id; /* unique in its Network, topological: inputs have smaller ids (bodies before their repeat) */
	Span span;   /* where the user wrote the layer */
	const char *label; /* the layer's name as written: "relu", "avgpool" */
	Type type;         /* of the output */
	Gap gap;           /* GAP_NONE: it has a kernel */
	Node *input;       /* the only input; NULL for INPUT, HOLE and AUGMENT; joins use as.sum */
	union {
		struct {
			Affine affine;
		} dense;
		struct {
			Affine affine;
			Window window;
			Support support;
		} conv; /* CONV, LIFT, GROUP_CONV */
		struct {
			Window window;
			bool mean; /* avgpool; false: sumpool */
			bool normalize_edges;
		} window_pool;
		struct {
			PoolOver over; /* on a plain grid always POOL_EVERYTHING */
			bool mean;     /* false: sum_pool */
		} pool;
		struct {
			const Scalar *a, *b;
		} abrelu;
		struct {
			const Scalar *a, *b, *c;
		} erf;
		struct {
			Node **branches; /* at least 2; a branch may be the fork itself (identity) */
			uint32_t count;
			uint32_t axis; /* CONCAT: of the grid, or CONCAT_CHANNELS */
		} sum;                 /* SUM, PRODUCT, CONCAT */
		struct {
			const PlannedArg *args;
			uint32_t arg_count;
			bool nonlinear; /* a nonlinearity; false: layernorm, dropout */
		} planned;
		struct {
			Node *hole; /* NODE_HOLE: its type is the type of `input` and of `body` */
			Node *body; /* output of one iteration; its domain and shape equal the hole's */
			uint32_t count;
		} repeat;
		struct {
			const Group *group; /* maps the inner input's shape to itself */
			Node *inner;        /* output node of the inner net, whose only source is its own NODE_INPUT */
		} augment;
	} as;
};

typedef struct Network {
	const char *name;
	Span span;
	Node *input;  /* the NODE_INPUT: the only one (inside the AUGMENT if there is one) */
	Node *output; /* a vector */
	Node **nodes; /* all nodes by id, those of repeat bodies and augment included */
	uint32_t node_count;
} Network;

typedef struct Param {
	const char *name;
	Span span;
	double value;
} Param;

/* All nets of a source file. */
typedef struct Program {
	Network **networks;
	uint32_t network_count;
	Param *params;
	uint32_t param_count;
	const SourceSet *sources; /* for places in printed tables; NULL: they are left out */
} Program;

/* ---- shared questions --------------------------------------------------------------------------------------- */

uint64_t type_positions(const Type *type);       /* grid positions: product of the shape; 1 if no grid */
const char *grid_name(uint32_t dim);             /* "signal", "image", "volume" */
char *type_text(Arena *arena, const Type *type); /* "image 32x32", "C4 over image 30x30", "vector" */
bool node_joins(const Node *node);               /* SUM, PRODUCT, CONCAT: branches in as.sum */
/* Output size and low padding of one axis (math.md 3). Returns false if a valid window does not fit. */
bool window_axis(uint32_t size, uint32_t window, uint32_t stride, uint32_t dilation, Padding padding, uint32_t *out,
		 int32_t *low);

void network_print(const Program *program, FILE *to);     /* --emit=network: a table per net, groups numbered */
void network_print_dot(const Program *program, FILE *to); /* --emit=dot */

#endif
