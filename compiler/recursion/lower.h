/* Lowering, internal to recursion/: from a network to its recursion.
 *
 *   lower.c        parts and stages: which arrays and sums are made, in which order, over which displacements
 *   lower_node.c   one node at one displacement -> expression, nests and buffers
 *   lower_taps.c   supports and windows -> taps
 *   lower_join.c   sums, products, concatenations of branches
 *   lower_scaling.c normalisation, dropout
 *   split.c        nets cut in two, at an augmentation (augment.c) or behind layers that several nets share (trunk.c)
 *   unroll.c       repeats that cannot be loops
 *   geometry.c     windows seen from both sides */
#ifndef ENTK_LOWER_H
#define ENTK_LOWER_H

#include "analysis/symmetry.h"
#include "base/diag.h"
#include "recursion/rec.h"

/* A window on three axes: output t reads t * stride - low + dilation * cell; anchor2 = 2 * (anchor offset). */
typedef struct Geometry {
	uint32_t in[AXES], out[AXES], size[AXES];
	int32_t stride[AXES], dilation[AXES], low[AXES], anchor2[AXES];
	bool circular;
} Geometry;

/* Values per grid axis -> per axis of three, right-aligned; `fill` on the axes in front. */
void rec_wide(const Type *type, const uint32_t narrow[GRID_MAX_DIM], uint32_t fill, uint32_t wide[AXES]);
Geometry geometry_of(const Node *node);
/* The same window as it moves u in frame q. */
Geometry geometry_right(const Geometry *g, const Group *group, uint32_t q);
/* Does every output slice read input slices, or must it gather entry by entry? [KR-26] */
bool geometry_slices(const Geometry *left, const Geometry *right);

typedef enum LowerMode {
	LOWER_PAIR,    /* left sample against right samples */
	LOWER_SELF,    /* samples against themselves, with known factors */
	LOWER_DIAGONAL /* t = t', q = e: makes the factors */
} LowerMode;

/* An array or sum that a stage must make because some expression reads it. */
typedef enum WantKind { WANT_WINDOW, WANT_ELEMENTS, WANT_PLAIN, WANT_SUM } WantKind;
typedef struct WantReader {
	RecExpr *expr;
	const RecFrames *frames; /* of the reader */
	bool crosses;            /* the array is plain, the reader is in a frame: u -> t' */
} WantReader;
typedef struct Want {
	WantKind kind;
	const Node *node;
	RecBuffer *buffer;
	WantReader *readers;
	uint32_t reader_count, reader_capacity;
	bool done;
} Want;

/* The plain region of a part, or the region of a group between its lifts and one exit. */
typedef struct Region {
	struct Region *outer; /* NULL for the plain region */
	const RecFrames *frames;
	bool array_mode;
	Want *wants[1024];
	uint32_t want_count;
} Region;

typedef struct Memo {
	const Node *node;
	RecDisp disp;
	bool torus;
	const Region *region;
	LowerMode mode;
	RecExpr *value;
} Memo;

typedef struct Carried {
	const Node *hole;
	RecBuffer *buffer;
} Carried;

typedef struct Lower {
	Arena *arena;
	const Network *network;
	const RecOptions *options;
	RecProgram *program;
	RecPart *part;
	Region *region;
	LowerMode mode;
	RecBlock *block; /* where statements go */
	uint32_t *uses;  /* consumers per node id */
	bool *indexed;   /* per node id: keeps the index r beside q */
	RecVar **var_of; /* per node id */
	Memo *memo;
	uint32_t memo_count, memo_capacity;
	Carried carried[64];
	uint32_t carried_count;
	/* boxes of displacement variables, for demand */
	int32_t (*base_low)[AXES], (*base_high)[AXES];
	uint32_t base_capacity;
} Lower;

/* split.c: the layers of `network` between `cut`, which becomes the input (NULL: the network's own), and `output`. */
Network *rec_split(Arena *arena, const Network *network, const Node *cut, const Node *output);

/* lower_node.c */
RecExpr *lower_instance(Lower *l, const Node *node, RecDisp disp, bool torus);
RecExpr *lower_expr(Lower *l, RecOp op, const Node *node, RecExpr *a, RecExpr *b);
RecExpr *lower_load(Lower *l, RecBuffer *buffer);
RecExpr *lower_scaled(Lower *l, const Node *node, RecExpr *value, double factor);
void lower_coefs(Lower *l, RecExpr *expr, uint32_t count); /* all absent */
/* A torus slice as its pieces, each on its own rectangle. */
RecExpr *lower_torus(Lower *l, const Node *node, RecDisp disp);
/* Its value in a buffer that taps may read. */
RecBuffer *lower_stored(Lower *l, const Node *node, RecDisp disp, bool torus);
RecStmt *lower_append(Lower *l, RecStmtKind kind);
RecNest *lower_nest(Lower *l, const Node *level, RecDisp disp, bool torus, RecExpr *value, RecSink sink,
		    RecBuffer *target);
RecBuffer *lower_buffer(Lower *l, RecBufferKind kind, const Node *node, bool theta);
RecDisp lower_zero(Lower *l);
RecDisp lower_base(RecBase base, Lower *l);
RecDisp lower_shifted(Lower *l, RecDisp disp, const Geometry *g);
RecBase lower_new_base(Lower *l, const int32_t low[AXES], const int32_t high[AXES]);
uint32_t lower_elements(const Lower *l, const Node *node);
int32_t lower_coef(Lower *l, const Scalar *value);
const Group *lower_group(const Lower *l);
void lower_shape(const Node *node, uint32_t shape[AXES]);

/* parallel.c: per element q of `group` the one whose K^q stands for it, up to `node` on a bare group. */
uint16_t *lower_representatives(Lower *l, const Node *node, const Group *group);

/* lower_join.c */
RecExpr *lower_join(Lower *l, const Node *node, RecDisp disp, bool torus);
/* Are the branches concatenated along a grid axis? */
bool lower_concatenates(const Node *node);
/* Where branch i of such a join begins: on the left grid, and on the right one seen from frame q. */
void lower_branch_place(const Node *node, uint32_t i, const Group *group, uint32_t q, int32_t left[AXES],
			int32_t right[AXES]);

/* lower_scaling.c */
RecExpr *lower_scaling(Lower *l, const Node *node, RecDisp disp, bool torus);

/* lower_taps.c */
const RecTaps *lower_conv_taps(Lower *l, const Node *conv, uint32_t elements_in, uint32_t elements_out);
const RecTaps *lower_pool_taps(Lower *l, const Node *pool);
const RecPool *lower_pool(Lower *l, const Node *pool, const RecBuffer *coarse);
const double *lower_edge_weights(Lower *l, const Node *pool);

/* lower.c */
RecExpr *lower_want(Lower *l, WantKind kind, const Node *node, RecDisp disp, bool wrap);
bool lower_repeat_slices(Lower *l, const Node *repeat, const Group *group, uint32_t q, int32_t step[AXES]);

/* unroll.c */
const Network *rec_unroll(Arena *arena, const Network *network, bool all);

#endif
