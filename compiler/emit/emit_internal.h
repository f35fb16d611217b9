/* Emission of the recursion as LLVM IR, internal to emit/. No mathematics is chosen here: a statement or an expression of
 * recursion/rec.h becomes instructions.
 *
 *   emit.c            the forms of --emit, options
 *   emit_program.c    functions and descriptor of a program: kernels over tiles, preparation, coefficients
 *   emit_stmt.c       loops over frames, displacements, repeats, wraps; halos; clearing
 *   emit_nest.c       nests over the positions of a slice (or all pairs), leaves and sinks
 *   emit_taps.c       supports: sliding sums of boxes, listed taps, taps on whole arrays */
#ifndef ENTK_EMIT_INTERNAL_H
#define ENTK_EMIT_INTERNAL_H

#include "base/diag.h"
#include "emit/cg.h"
#include "emit/emit.h"
#include "recursion/rec.h"

/* What a point of a nest knows of its place. */
typedef struct Point {
	LLVMValueRef v_r;       /* element index */
	LLVMValueRef v_t[AXES]; /* left position */
	LLVMValueRef v_u[AXES]; /* right position in the frame */
	uint32_t shape[AXES];   /* left grid */
	LLVMValueRef v_right_shape[AXES];
} Point;

/* K and Theta of one lane group; v_theta is NULL where Theta = 0 or is not wanted. */
typedef struct KT {
	LLVMValueRef v_k, v_theta;
} KT;

typedef struct Iteration {
	const Node *repeat;
	LLVMValueRef v_index;
} Iteration;

/* Sliding sums of one TAPS expression along a row. */
typedef struct Slide {
	const RecExpr *expr;
	LLVMValueRef *v_k, *v_theta; /* variables: the last size - 1 column sums */
} Slide;

typedef struct Emit {
	Cg *cg;
	Arena *arena;
	const RecProgram *rec;
	const RecPart *part;
	const char *prefix; /* of symbols: the net's name */
	bool theta;         /* is Theta wanted? */
	bool pair;          /* left operand is one sample; otherwise lanes hold samples against themselves */

	LLVMValueRef *v_coef; /* splat of every coefficient */
	LLVMValueRef v_lanes, v_sums;           /* workspace of the part */
	LLVMValueRef v_x, v_z;                  /* left sample (reals; lanes if !pair), right samples (lanes) */
	LLVMValueRef v_k0;                      /* vector inputs: one lane group */
	LLVMValueRef v_left_vars, v_right_vars; /* reals and lanes; lanes and lanes if !pair */
	LLVMValueRef v_left_state, v_right_state;
	LLVMValueRef v_out;                     /* double lanes: K, Theta */

	LLVMValueRef (*v_base)[AXES]; /* variables of the displacements */
	const RecFrames *frames;
	LLVMValueRef v_frame; /* index into frames->q */
	Iteration iterations[32];
	uint32_t iteration_count;
	LLVMValueRef *v_parity; /* per buffer id: which copy of a carried buffer is current */
	Slide slides[64];
	uint32_t slide_count;
	LLVMValueRef v_row_k, v_row_theta; /* REC_SINK_SUM: sums of the row */
	uint32_t table_count;   /* for names */
} Emit;

/* emit_stmt.c */
void emit_block(Emit *e, const RecBlock *block);
/* A number that depends on the frame: a constant if all frames agree, else from a table. */
LLVMValueRef emit_per_frame(Emit *e, const int64_t *values);
/* The displacement along one axis; on a torus reduced to 0 .. n-1. */
LLVMValueRef emit_disp(Emit *e, const RecDisp *disp, uint32_t axis, bool torus, uint32_t size);
LLVMValueRef emit_right_size(Emit *e, const uint32_t shape[AXES], uint32_t axis);
/* Domain of an ordinary slice along one axis. */
void emit_domain(Emit *e, const uint32_t shape[AXES], uint32_t axis, LLVMValueRef v_d, LLVMValueRef *v_low,
                 LLVMValueRef *v_high);

/* emit_nest.c */
void emit_nest(Emit *e, const RecNest *nest);
/* The rows of a chain of nests as a wave. */
void emit_rows(Emit *e, const RecNest *nests, const int32_t *lead, uint32_t count);
KT emit_expr(Emit *e, const RecNest *nest, const RecExpr *expr, const Point *p);
/* First lane of plane 0 (K) or 1 (Theta) of a buffer's current (or next) copy. */
LLVMValueRef emit_plane(Emit *e, const RecBuffer *buffer, bool theta, bool next);
/* Index in lanes of position v_t (halo coordinates may be negative) of element v_r in a slice. */
LLVMValueRef emit_slice_index(Emit *e, const RecBuffer *buffer, LLVMValueRef v_r, const LLVMValueRef v_t[AXES]);
LLVMValueRef emit_row_major(Emit *e, const uint32_t shape[AXES], const LLVMValueRef v_t[AXES]);
/* Index of entry (t, u) in array mode. */
LLVMValueRef emit_pair_index(Emit *e, const RecBuffer *buffer, LLVMValueRef v_r, const LLVMValueRef v_t[AXES],
                             const LLVMValueRef v_u[AXES]);

/* emit_taps.c */
void emit_taps_begin_row(Emit *e, const RecNest *nest, const RecExpr *expr, const Point *row);
KT emit_taps(Emit *e, const RecNest *nest, const RecExpr *expr, const Point *p);

/* emit_program.c */
/* All functions of one net, and its entry in the table of nets. `outer`: the layers behind an augment, or NULL. */
void emit_net(Emit *e, Emit *outer, const RecAugment *augment, LLVMValueRef *v_descriptor);
/* The program's table and entk_program(). */
void emit_table(Cg *cg, const Program *program, const EmitOptions *options, LLVMValueRef *v_nets);

#endif
