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

/* The classes of nodes: few, and closed. What a stage asks without caring which layer it is (inputs, scopes, does it move
 * positions, does it end a region) is answered by the functions at the end of this file; what is particular to a layer
 * stands in the layer's own row: a nonlinearity's in nonlinearities.def, a weight layer's in its index relation. A
 * switch of a stage has one case per class (docs/architecture.md, "Adding a layer"). */
#define NODE_KINDS(X)                                                                                \
	X(INPUT)     /* raw data */                                                                  \
	X(HOLE)      /* the value that enters the body of a repeat */                                \
	X(REPEAT)    /* body applied count times, each with its own weights */                       \
	X(AUGMENT)   /* mean of K(g x, g' x') of the inner net */                                    \
	X(POINTWISE) /* a nonlinearity: nonlinearity.h */                                            \
	X(WEIGHTS)   /* dense and all convolutions: weights behind an index relation [KR-2] */       \
	X(MAP)       /* linear maps of the index without weights: pools, flatten */                  \
	X(SCALING)   /* numbers divided or multiplied by what a sample's own variances say */        \
	X(JOIN)      /* several branches to one value */

typedef enum NodeKind {
#define X(name) NODE_##name,
	NODE_KINDS(X)
#undef X
		NODE_KIND_COUNT
} NodeKind;

/* Which input indices does an output index read? */
typedef enum Relation {
	RELATION_OWN,  /* dense: its own; channels only, at every position and element */
	RELATION_CONV, /* plain convolution on a grid */
	RELATION_LIFT, /* grid -> group over grid */
	RELATION_GROUP /* group convolution, on group over grid or on a bare H (dim axes all 1x1 windows) */
} Relation;

typedef enum MapKind {
	MAP_WINDOW, /* avgpool, sumpool; per group element on a group */
	MAP_POOL,   /* global mean or sum over positions, elements or everything */
	MAP_FLATTEN /* indices become channels */
} MapKind;

typedef enum PoolOver { POOL_EVERYTHING, POOL_POSITIONS, POOL_ELEMENTS } PoolOver;

typedef enum ScalingKind { SCALING_LAYERNORM, SCALING_DROPOUT } ScalingKind;

typedef enum JoinKind { JOIN_SUM, JOIN_PRODUCT, JOIN_CONCAT } JoinKind;

typedef struct Node Node;
typedef struct Nonlinearity Nonlinearity;

/* Weights and bias of a weight layer. */
typedef struct Affine {
	const Scalar *weight_std;
	const Scalar *bias_std; /* NULL: no bias */
	bool standard;          /* standard parameterization, with the width multipliers s (math.md 2) */
	uint32_t s[2];          /* of the input's and of the layer's own width */
} Affine;

#define CONCAT_CHANNELS UINT32_MAX

struct Node {
	NodeKind kind;
	uint32_t id; /* unique in its Network, topological: inputs have smaller ids (bodies before their repeat) */
	Span span;   /* where the user wrote the layer */
	const char *label; /* the layer's name as written: "relu", "avgpool" */
	Type type;         /* of the output */
	Node *input;       /* the only input; NULL for INPUT, HOLE and AUGMENT; joins have as.join (node_inputs) */
	union {
		struct {
			const Nonlinearity *f;
			const Scalar *const *args; /* as the row of `f` orders them */
			uint32_t arg_count;
		} pointwise;
		struct {
			Relation relation;
			Affine affine;
			Window window;   /* all but RELATION_OWN */
			Support support; /* all but RELATION_OWN */
		} weights;
		struct {
			MapKind kind;
			PoolOver over;        /* MAP_POOL; on a plain grid always POOL_EVERYTHING */
			bool mean;            /* avgpool, pool; false: sumpool, sum_pool */
			bool normalize_edges; /* MAP_WINDOW */
			Window window;        /* MAP_WINDOW */
		} map;
		struct {
			ScalingKind kind;
			const Scalar *eps;        /* SCALING_LAYERNORM */
			bool positions, elements; /* SCALING_LAYERNORM: axes of the mean besides the channels */
			const Scalar *keep;       /* SCALING_DROPOUT */
			bool train;               /* SCALING_DROPOUT; false: changes nothing */
		} scaling;
		struct {
			JoinKind kind;
			Node **branches; /* at least 2; a branch may be the fork itself (identity) */
			uint32_t count;
			uint32_t axis; /* JOIN_CONCAT: of the grid, or CONCAT_CHANNELS */
		} join;
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

bool type_has_positions(const Type *type);
bool type_has_elements(const Type *type);
uint32_t type_dim(const Type *type);             /* axes of the grid; 0 without positions */
uint64_t type_positions(const Type *type);       /* grid positions: product of the shape; 1 if no grid */
uint64_t type_elements(const Type *type);        /* order of the group; 1 if none */
uint64_t type_size(const Type *type);            /* of the index set: positions x group elements */
const char *grid_name(uint32_t dim);             /* "signal", "image", "volume" */
char *type_text(Arena *arena, const Type *type); /* "image 32x32", "C4 over image 30x30", "vector" */

/* The nodes whose values a node reads in its own scope: none, its input, or the branches of a join. */
uint32_t node_inputs(const Node *node, Node *const **inputs);
const char *node_text(const Node *node); /* the kind of layer: "conv", "window pool", "erf", "sum" */
bool node_has_relation(const Node *node, Relation relation);
bool node_has_map(const Node *node, MapKind map);
bool node_joins_by(const Node *node, JoinKind join);
const Window *node_window(const Node *node); /* of a convolution or a window pool; NULL: it has none */
/* Does an entry of the output read entries at other positions or elements than its own? */
bool node_moves(const Node *node);
/* Does an entry of the output gather entries of many displacements? Such a value cannot be made on the way: a stretch of
 * layers that run for one displacement at a time ends here. */
bool node_gathers(const Node *node);

/* Output size and low padding of one axis (math.md 3). Returns false if a valid window does not fit. */
bool window_axis(uint32_t size, uint32_t window, uint32_t stride, uint32_t dilation, Padding padding, uint32_t *out,
		 int32_t *low);

void network_print(const Program *program, FILE *to);     /* --emit=network: a table per net, groups numbered */
void network_print_dot(const Program *program, FILE *to); /* --emit=dot */

#endif
