/* Lowering: from a network to its recursion. Takes every mathematical decision; what comes later only translates.
 *
 *   lower.c       the parts, and rec_lower
 *   elements.c    which levels keep the index r
 *   variances.c   factors of variances, and the parts that make them
 *   want.c        frames, and the arrays and sums that regions want; region.c, plain regions
 *   stage.c       how a want is served: over which frames and displacements
 *   slices.c, arrays.c   the schedules of a region
 *   node.c        one node at one displacement, and what is kept in a buffer
 *   weights.c taps.c maps.c join.c scaling.c repeat.c   the layers
 *   parallel.c    group elements that are parallel by symmetry
 *   build.c       statements, nests, expressions, displacements: no decision */
#ifndef ENTK_LOWER_H
#define ENTK_LOWER_H

#include "analysis/symmetry.h"
#include "base/diag.h"
#include "recursion/geometry.h"
#include "recursion/rec.h"

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

typedef struct Lower Lower;

/* How the layers of a region run: what one nest makes of a level, and where a level that is read at several places is kept. Everything
 * else of lowering holds for any of them. */
typedef struct Schedule {
	RecBufferKind kind; /* of kept levels */
	bool all_pairs;     /* a nest runs over all pairs of positions, not over the slice of one displacement */
	/* The displacement at which all entries of `level` in a box are made: that of a loop, if any, into which l->block moves. */
	RecDisp (*all)(Lower *l, const Node *level, const int32_t low[AXES], const int32_t high[AXES], bool torus);
	/* What the output of a window layer at `disp` reads of its input. */
	RecDisp (*below)(Lower *l, RecDisp disp, const Geometry *g);
	/* Is a level that a circular layer reads kept as a torus? */
	bool (*torus)(bool circular);
	/* The entries of a kept level are written: `next`, of its other copy, for the next iteration of a repeat. */
	void (*close)(Lower *l, RecBuffer *buffer, RecDisp disp, bool next);
	/* A kept level is going to be read by these taps. */
	void (*reach)(Lower *l, RecBuffer *buffer, const RecTaps *taps, const Geometry *g);
	/* Sums over the windows of a pool. */
	RecExpr *(*window_pool)(Lower *l, const Node *node, RecDisp disp, bool torus);
	/* Adds the entries t = t' of a level to a sum; NULL: they are the slice of displacement 0. */
	void (*diagonal)(Lower *l, const Node *level, RecBuffer *sum);
} Schedule;
extern const Schedule schedule_slices, schedule_arrays;

/* The plain region of a part, or the region of a group between its lifts and one exit. */
typedef struct Region {
	struct Region *outer; /* NULL for the plain region */
	const RecFrames *frames;
	const Schedule *schedule;
	Want **wants;
	uint32_t want_count, want_capacity;
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

struct Lower {
	Arena *arena;
	const Network *network;
	const RecOptions *options;
	RecProgram *program;
	bool many_layers; /* stand one by one */
	RecPart *part;
	Region *region;
	LowerMode mode;
	RecBlock *block; /* where statements go */
	uint32_t *uses;  /* consumers per node id */
	bool *indexed;   /* per node id: keeps the index r beside q */
	RecVar **var_of; /* per node id */
	Memo *memo;
	uint32_t memo_count, memo_capacity;
	Carried *carried;
	uint32_t carried_count, carried_capacity;
	/* boxes of displacement variables, for demand */
	int32_t (*base_low)[AXES], (*base_high)[AXES];
	uint32_t base_capacity;
};

/* ---- build.c ---- */

RecStmt *lower_append(Lower *l, RecStmtKind kind);
RecNest *lower_nest(Lower *l, const Node *level, RecDisp disp, bool torus, RecExpr *value, RecSink sink,
		    RecBuffer *target);
RecBuffer *lower_buffer(Lower *l, RecBufferKind kind, const Node *node, bool theta);
void lower_shape(const Node *node, uint32_t shape[AXES]);
uint32_t lower_elements(const Lower *l, const Node *node);
RecExpr *lower_expr(Lower *l, RecOp op, const Node *node, RecExpr *a, RecExpr *b);
RecExpr *lower_load(Lower *l, RecBuffer *buffer);
RecExpr *lower_scaled(Lower *l, const Node *node, RecExpr *value, double factor);
void lower_coefs(Lower *l, RecExpr *expr, uint32_t count); /* all absent */
int32_t lower_coef(Lower *l, const Scalar *value);
const Scalar *lower_square(Lower *l, const Scalar *s);
const Scalar *lower_times(Lower *l, const Scalar *s, double factor);
RecDisp lower_zero(Lower *l);
RecDisp lower_base(RecBase base, Lower *l);
RecBase lower_new_base(Lower *l, const int32_t low[AXES], const int32_t high[AXES]);
bool lower_same_disp(const Lower *l, RecDisp a, RecDisp b);

/* ---- want.c ---- */

RecFrames *lower_frames(Lower *l, const Group *group); /* of a group, none yet; without a group the one there is */
/* All displacements that a pair of positions has in some frame. */
void lower_full_box(const RecFrames *frames, const Node *level, int32_t low[AXES], int32_t high[AXES]);
/* The value of `node` at `disp` as an entry of an array, or as a sum, that a stage is to make. */
RecExpr *lower_want(Lower *l, WantKind kind, const Node *node, RecDisp disp, bool wrap);
const RecMap *lower_array_maps(Lower *l, const RecBuffer *b, const RecFrames *frames, bool crosses);

/* ---- region.c ---- */

Region *lower_plain_region(Lower *l);
/* The schedule of plain regions for pairs. */
const Schedule *lower_plain_schedule(const Lower *l);

/* ---- elements.c, variances.c, parallel.c ---- */

void lower_find_indexed(Lower *l);
void lower_place_variances(Lower *l);
/* Factors of all nonlinearities of the tile, or of the state. */
void lower_factors(Lower *l, RecPart *part, bool in_state);
/* Per element q of `group` the one whose K^q stands for it, up to `node` on a bare group. */
uint16_t *lower_representatives(Lower *l, const Node *node, const Group *group);

/* ---- stage.c ---- */

/* Make what `want` asks for: statements into l->block. */
void lower_stage(Lower *l, Want *want);
/* Serve all wants of the region, the last layer first; `block` gets the stages in order of execution. */
void lower_serve(Lower *l, RecBlock *block);
void lower_prepend(RecBlock *block, RecBlock before);

/* ---- node.c ---- */

RecExpr *lower_instance(Lower *l, const Node *node, RecDisp disp, bool torus);
/* Its value in a buffer that taps may read. */
RecBuffer *lower_stored(Lower *l, const Node *node, RecDisp disp, bool torus);
/* A value at hand in a buffer. */
RecBuffer *lower_keep(Lower *l, const Node *node, RecDisp disp, bool torus, RecExpr *value);
/* A torus slice as its pieces, each on its own rectangle. */
RecExpr *lower_torus(Lower *l, const Node *node, RecDisp disp);

/* ---- the layers ---- */

RecExpr *lower_weights(Lower *l, const Node *node, RecDisp disp, bool torus);
RecExpr *lower_map(Lower *l, const Node *node, RecDisp disp, bool torus);
RecExpr *lower_join(Lower *l, const Node *node, RecDisp disp, bool torus);
RecExpr *lower_scaling(Lower *l, const Node *node, RecDisp disp, bool torus);
RecExpr *lower_repeat(Lower *l, const Node *node, RecDisp disp, bool torus);
RecExpr *lower_hole(Lower *l, const Node *hole);

/* taps.c */
const RecTaps *lower_conv_taps(Lower *l, const Node *conv, uint32_t elements_in, uint32_t elements_out);
const RecTaps *lower_pool_taps(Lower *l, const Node *pool);
const RecPool *lower_pool(Lower *l, const Node *pool, const RecBuffer *coarse);
const double *lower_edge_weights(Lower *l, const Node *pool);

/* join.c: are the branches concatenated along a grid axis? */
bool lower_concatenates(const Node *node);
/* Where branch i of such a join begins: on the left grid, and on the right one seen from frame q. */
void lower_branch_place(const Node *node, uint32_t i, const Group *group, uint32_t q, int32_t left[AXES],
			int32_t right[AXES]);

/* repeat.c: does the body read its hole at one displacement, and by how much does that move per iteration? */
bool lower_repeat_slices(Lower *l, const Node *repeat, const Group *group, uint32_t q, int32_t step[AXES]);

#endif
