/* The recursion: a small explicit program for the kernels of one net.
 *
 * It says what is computed for one left sample and one group of lanes [KR-20 to KR-26]: loops over frames q, displacements
 * D and repeats, around nests that run over the positions of one displacement slice and evaluate an expression at each.
 * lower/ writes it, and takes every mathematical decision; plan.c places its buffers in memory; emit/ turns it into
 * LLVM IR and decides nothing.
 *
 * Axes. There are always three; a grid of dimension d uses the last d, the first ones have length 1.
 *
 * Frames. In a region of group H the right sample is seen from the frame of q = r' r^-1: its position t' is written as
 * u, with u_a = t'_{p(a)} or n - 1 - t'_{p(a)}, the permutation and signs being those of rho(q)^-1. Taps move t and u by
 * the same vector, so the displacement d = u - t of an entry's inputs follows from its own (docs/math.md, [KR-20]).
 * Outside of groups there is the one frame q = e. A frame list holds the q that one piece of code serves.
 *
 * Slices. An ordinary slice at displacement d has the entries t with t on the left and t + d on the right grid; a torus
 * slice has all t, with u = t + d modulo the size. In array mode a nest runs over all pairs (t, u) instead. */
#ifndef ENTK_REC_H
#define ENTK_REC_H

#include <stdio.h>

#include "network/network.h"

#define AXES 3

/* ---- coefficients ---- */

typedef struct RecCoefs {
	const Scalar **items; /* the table an EntkNet's `coefficients` fills; equal ones stand once */
	uint32_t count, capacity;
} RecCoefs;

/* ---- frames and displacements ---- */

typedef struct RecFrames {
	const Group *group; /* NULL: only q = e, no group */
	uint32_t count;
	const uint16_t *q;
} RecFrames;

/* A run-time displacement variable; base 0 is the constant 0. */
typedef uint32_t RecBase;

/* d = scale * base + shift[k] for the k-th frame of the list it is used in. */
typedef struct RecDisp {
	RecBase base;
	int32_t scale[AXES];
	const int32_t (*shift)[AXES];
} RecDisp;

/* ---- memory ---- */

typedef enum RecBufferKind {
	REC_SLICE, /* [r][t] with a halo; of the current displacement */
	REC_ARRAY, /* entries (t, u) of many displacements, [r] outermost, addressed by a linear map */
	REC_SUM    /* [r] sums over positions, in double */
} RecBufferKind;

/* Address of entry (t, u) of an array: base + sum left[a] t_a + sum right[a] u_a. */
typedef struct RecMap {
	int64_t base, left[AXES], right[AXES];
} RecMap;

typedef struct RecBuffer {
	RecBufferKind kind;
	uint32_t id;
	const Node *node;                         /* whose value it holds; for printing */
	uint32_t shape[AXES];                     /* of the left grid */
	uint32_t elements;                        /* r: 1 or the order of the group */
	bool theta;                               /* has a Theta plane */
	bool torus;                               /* SLICE: its halo wraps around; otherwise it is zero */
	bool carried;                             /* SLICE: two copies, exchanged after each iteration of a repeat */
	uint32_t halo_low[AXES], halo_high[AXES]; /* SLICE: what the consumers read beyond the grid */
	uint32_t ring;                         /* SLICE: 0, or only so many rows of axis 1 are kept (a power of two) */
	uint64_t entries;                      /* per r, halo included */
	int32_t box_low[AXES], box_high[AXES]; /* ARRAY: displacements that some consumer reads */
	/* plan.c: offset in lanes (SUM: in double lanes) from the start of the workspace part */
	uint64_t offset;
	bool placed;
	uint32_t first_use, last_use; /* plan.c */
} RecBuffer;

/* Factors of the variances of one nonlinearity: planes of [r][position], once per iteration of the repeats around it. */
typedef struct RecVar {
	const Node *node;
	bool in_state;     /* after a global pool: prepared once per sample; otherwise once per tile */
	uint64_t offset;   /* in numbers, from the start of a sample's variances */
	uint32_t planes;   /* numbers per position and element: Nonlinearity.factors */
	uint32_t elements; /* r */
	uint32_t shape[AXES];
	uint64_t positions;
	uint32_t repeat_count; /* repeats around the node, outermost first */
	const Node **repeats;
	uint64_t *strides;
} RecVar;

/* ---- expressions at a point of a nest ---- */

#define REC_OPS(X)                                                                                 \
	X(INPUT, "input")   /* (1/C) sum_c x_c(t) x'_c(u) */                                       \
	X(LOAD, "load")     /* the slice, or the array in array mode, at the nest's own index */   \
	X(TAPS, "taps")     /* weighted sum over the taps of a support */                          \
	X(ARRAY, "array")   /* an array's entry (t, u) */                                          \
	X(SUM, "sum")       /* a sum buffer */                                                     \
	X(AFFINE, "affine") /* K' = s K + b; Theta' = K' + s Theta, or t K + s Theta + u */       \
	X(SCALE, "scale")   /* both times a coefficient */                                         \
	X(EDGES, "edges")   /* both times the position's weights of a pool with normalize_edges */ \
	X(DUAL, "dual")     /* a nonlinearity [KR-10] */                                           \
	X(NORM, "norm")     /* both times the factors of both sides [KR-64] */                     \
	X(NOISE, "noise")   /* both times a coefficient where a sample meets itself [KR-61] */     \
	X(MUL, "mul")       /* a product of branches [KR-62] */                                    \
	X(ADD, "add")

typedef enum RecOp {
#define X(name, text) REC_OP_##name,
	REC_OPS(X)
#undef X
		REC_OP_COUNT
} RecOp;

/* The taps of a conv: input position stride * t + offset. With more than one r, the list differs per output r. */
typedef struct RecTap {
	uint16_t r; /* input element */
	int32_t offset[AXES];
	int32_t weight; /* multiplicity */
} RecTap;

typedef struct RecTaps {
	uint32_t stride[AXES];
	const int32_t (*right_strides)[AXES]; /* array mode: per frame */
	const int32_t (*right_shift)[AXES];   /* array mode: per frame, right offset minus left offset */
	bool circular;
	uint32_t elements_out;
	uint32_t count;     /* per output r */
	const RecTap *taps; /* [elements_out][count] */
	bool box;           /* one element, a full box of cells of equal weight, no dilation: separable */
	int32_t box_low[AXES];
	uint32_t box_size[AXES];
	int32_t box_weight;
	/* pools in array mode: left and right cells run independently */
	bool pool;
	const int32_t (*right_low)[AXES]; /* pools: per frame, right offset of cell 0 */
	const uint32_t (*right_size)[AXES];
} RecTaps;

typedef struct RecExpr RecExpr;
struct RecExpr {
	RecOp op;
	const Node *node;
	bool theta; /* carries Theta; otherwise Theta = 0 */
	RecExpr *a, *b;
	RecBuffer *buffer; /* LOAD TAPS ARRAY SUM */
	const RecTaps *taps;
	int32_t *coef;     /* indices into the coefficient table; -1: absent */
	uint32_t coef_count;
	RecVar *var;       /* DUAL NORM; NULL: it needs no factors */
	bool diagonal;     /* DUAL NORM: K is the variance: compute and store the factors, use them on both sides */
	RecExpr *mean;     /* NORM, diagonal: what to norm by, where it is not the variance itself */
	bool self;         /* NOISE: both samples are one, always */
	const RecMap *map; /* ARRAY: per frame in force; set when the array's box is known */
	const double
		*edge_weights; /* EDGES: per axis, one over the cells of each position's window that lie on the grid */
};

typedef enum RecSink {
	REC_SINK_NONE,     /* for the sake of the variances that are stored on the way */
	REC_SINK_STORE,    /* a slice, or an array in array mode, at the nest's own index */
	REC_SINK_ARRAY,    /* = an array's entry (t, u) */
	REC_SINK_ELEMENTS, /* += an array's entry (t, t'), r and q summed: pool over elements */
	REC_SINK_WINDOW,   /* += all coarse entries (T, U) whose windows hold t and u */
	REC_SINK_SUM,      /* += a sum buffer */
	REC_SINK_OUTPUT    /* the kernels of the pair */
} RecSink;

/* Geometry of a window pool, for REC_SINK_WINDOW. */
typedef struct RecPool {
	uint32_t stride[AXES], size[AXES];
	int32_t low[AXES];  /* left: cell 0 of output T is at T stride + low */
	uint32_t out[AXES]; /* left coarse shape */
	const int32_t (*right_low)[AXES];
	const uint32_t (*right_size)[AXES];
	const uint32_t (*right_out)[AXES];
	bool circular;
	int32_t box_low[AXES], box_high[AXES]; /* coarse displacements that are wanted */
} RecPool;

typedef struct RecNest {
	uint32_t shape[AXES]; /* left grid of the entries */
	uint32_t elements;    /* r */
	RecDisp disp;
	bool torus;
	bool array_mode;
	bool next; /* STORE into a carried buffer: its other copy, for the next iteration */
	/* STORE: where the entries begin in the target, left and, per frame, right; NULL: at 0. */
	const int32_t *left_offset, (*right_offset)[AXES];
	RecExpr *value;
	RecSink sink;
	RecBuffer *target;
	const RecMap *map; /* ARRAY ELEMENTS WINDOW: per frame in force */
	const RecPool *pool;
} RecNest;

/* ---- statements ---- */

typedef struct RecStmt RecStmt;
typedef struct RecBlock {
	RecStmt *first, *last;
} RecBlock;

typedef enum RecStmtKind {
	REC_LOOP_FRAMES, /* for q in frames */
	REC_LOOP_DISP,   /* for every displacement of a box that a pair of positions has */
	REC_LOOP_REPEAT,
	REC_LOOP_WRAP, /* for w in {0,1}^axes: base = from - n w: the pieces of a torus slice */
	REC_NEST,
	REC_ROWS, /* a chain of nests row by row (schedule.c) */
	REC_HALO, /* fill the halo of a slice: zero outside the slice's domain, or wrapped around */
	REC_CLEAR /* an array or sums = 0 */
} RecStmtKind;

struct RecStmt {
	RecStmtKind kind;
	RecStmt *next;
	const RecFrames *frames; /* in force */
	RecBlock body;           /* loops */
	union {
		struct {
			RecBase base;
			int32_t low[AXES], high[AXES]; /* inclusive */
			uint32_t shape[AXES];          /* left grid: clipped to -(n-1) .. n'-1 */
			bool torus;                    /* 0 .. n-1 instead */
		} disp;
		struct {
			const Node *node;
			uint32_t count;
			RecBase base;                /* displacement of the iteration's output */
			RecDisp last;                /* of the last iteration's output */
			const int32_t (*step)[AXES]; /* input's minus output's, per frame */
			RecBuffer *carried;          /* NULL: only variances of a fixed point */
		} repeat;
		struct {
			RecBase base;
			RecDisp from; /* of the torus slice */
			uint32_t shape[AXES];
		} wrap;
		RecNest nest;
		struct {
			uint32_t count;
			RecNest *nests; /* each reads the ring of the one before */
			int32_t *lead;  /* rows that a nest is ahead of the last one */
		} rows;
		struct {
			RecBuffer *buffer;
			RecDisp disp;
			bool next; /* the carried buffer's other copy */
		} halo;
		struct {
			RecBuffer *buffer;
		} clear;
	} as;
};

/* ---- the program of a net ---- */

typedef struct RecPart {
	RecBlock block;
	RecBuffer **buffers;
	uint32_t buffer_count, buffer_capacity;
	uint64_t lanes; /* workspace in lanes of reals (plan.c) */
	uint64_t sums;  /* workspace in lanes of doubles */
} RecPart;

typedef struct RecOptions {
	bool no_slices, no_relative_index, no_separable, no_fuse, no_loops, no_rows, no_trunks;
} RecOptions;

typedef struct RecProgram {
	const Network *network;
	RecCoefs coefs;
	uint32_t base_count;
	uint32_t input_shape[AXES];
	uint32_t channels;
	bool vector_input;
	bool input_theta; /* the input is a mean over a group, with a Theta of its own */
	bool noisy;       /* some kernel depends on whether both samples are one: NOISE */
	RecVar **vars;
	uint32_t var_count, var_capacity;
	uint64_t tile_numbers;  /* variance factors per sample that are made for each tile */
	uint64_t state_numbers; /* and once per sample */
	RecPart variances;      /* one sample with itself, lanes are samples: all factors of the tile */
	RecPart state;          /* the same, for the state; runs after `variances` */
	RecPart pair;           /* left sample against lanes of right samples */
	double steps;           /* position pairs through a convolution and its nonlinearity */
	double operations;
	char *explanation;
} RecProgram;

/* A net split at its AUGMENT. */
typedef struct RecAugment {
	const Network *inner; /* the whole net if there is no augment */
	const Network *outer; /* NULL then; its input is the mean over the group */
	const Group *group;
	uint32_t left_views; /* turned copies of the left sample: 1, or all */
} RecAugment;
RecAugment rec_augment(Arena *arena, const Network *network);

/* Nets of a program with the same layers up to the vector behind their last pool: these layers, the trunk, are evaluated once for
 * all of them. */
typedef struct RecTrunk {
	const Network *network; /* input .. vector; of the first member */
	const Node *end;        /* its last layer, in the first member */
	uint32_t count;         /* at least 2 */
	uint32_t *members;      /* indices of Program.networks, ascending */
	const Network **heads;  /* per member the layers behind, from the trunk's value to the net's output */
} RecTrunk;
/* All trunks of a program, each net in at most one; returns their number. */
uint32_t rec_trunks(Arena *arena, const Program *program, RecTrunk **trunks);

/* At most so many layers of a net may stand one by one in its recursion: lowering follows them recursively, and the time of
 * code generation grows with them. */
enum { REC_MAX_LAYERS = 4000 };
/* More than these are many: their code is kept small. */
enum { REC_MANY_LAYERS = 64 };
/* Layers of the net, with the repeats written out that cannot be loops (an upper bound). */
uint64_t rec_written_out(const Network *network);
/* Lower a net (without AUGMENT). Never fails: every typed network has a recursion. */
RecProgram *rec_lower(Arena *arena, const Network *network, const RecOptions *options);
/* Nests of a block, those of waves and in loops included. */
uint32_t rec_nests(const RecBlock *block);
/* A part of more nests is long: its statements become functions (emit/emit_piece.c). */
enum { REC_LONG_PART = 12 };
/* Run chains of nests row by row, keeping only the rows that are still read. */
void rec_schedule(Arena *arena, RecPart *part);
/* Place the buffers of a part in memory; buffers whose lives do not overlap share it. */
void rec_plan(RecPart *part);
/* ICE with the broken statement's text unless the program is well formed. */
void rec_check(const RecProgram *program);
void rec_print(const RecProgram *program, FILE *to);
const char *rec_op_text(RecOp op);
const char *rec_expr_text(const RecExpr *expr); /* of its operation; a dual by its function's name */
/* Kernels between plain grids that a pair of samples takes, of the at most order^2 of the net's group: with the group elements
 * q and r = those of KR-20 and KR-22. 0: the net has no group. */
uint32_t rec_recursions(const RecProgram *program, uint32_t *of);
/* Steps, operations and the explanation for --explain and info. */
void rec_cost(Arena *arena, RecProgram *program);

/* ---- geometry shared by lowering and emission (geometry.c) ---- */

/* Element of `group` (or the identity) on three axes. */
GridElement rec_element(const Group *group, uint32_t index);
/* Grid of the right sample seen from frame q, and the map of u to the row-major index of t'. */
void rec_right_shape(const Group *group, uint32_t q, const uint32_t shape[AXES], uint32_t right[AXES]);
void rec_right_view(const Group *group, uint32_t q, const uint32_t shape[AXES], int64_t *base, int64_t stride[AXES]);

#endif
