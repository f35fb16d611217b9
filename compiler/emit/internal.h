/* Emission of the recursion as LLVM IR, internal to emit/. No mathematics is chosen here: a statement or an expression of
 * recursion/rec.h becomes instructions.
 *
 *   emit.c        the forms of --emit, options
 *   program.c     descriptors of a program's nets, coefficients, the table
 *   sources.c     the sources that a program carries
 *   tile.c        kernels over tiles, preparation
 *   part.c        the parts of a recursion as functions; operands.c, their arguments
 *   stmt.c        loops over frames, displacements, repeats, wraps
 *   leaf.c        what stands in loops: halos, clearing, nests
 *   piece.c       leaves of long parts as functions; form.c, which of them can share one
 *   nest.c        nests over the positions of a slice (or all pairs), and their sinks
 *   expr.c        the value at a position; duals/, the nonlinearities
 *   taps.c        supports: sliding sums of boxes, listed taps, taps on whole arrays
 *   frame.c address.c   numbers that depend on the frame, places in memory
 *   cg/           builder helpers around LLVM */
#ifndef ENTK_EMIT_INTERNAL_H
#define ENTK_EMIT_INTERNAL_H

#include "base/diag.h"
#include "emit/cg/cg.h"
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

/* Functions of one recursion (part.c); NULL where it has no such part. */
typedef struct Functions {
	LLVMValueRef v_variances, v_state, v_self, v_pair, v_pair_nngp;
} Functions;

/* Their arguments, all pointers. */
enum {
	ARG_COEFS,
	ARG_X,
	ARG_Z,
	ARG_K0,
	ARG_LEFT_VARS,
	ARG_RIGHT_VARS,
	ARG_LEFT_STATE,
	ARG_RIGHT_STATE,
	ARG_OUT,
	ARG_LANES,
	ARG_SUMS,
	ARG_SAME, /* only of recursions that are noisy */
	ARG_COUNT
};

typedef struct EmitPieces EmitPieces;

typedef struct Emit {
	Cg *cg;
	Arena *arena;
	const RecProgram *rec;
	const RecPart *part;
	const char *prefix; /* of symbols: the net's name */
	bool theta;         /* is Theta wanted? */
	bool pieces;        /* are statements calls of functions (piece.c)? */
	EmitPieces *made;   /* those of the program so far */
	bool pair;          /* left operand is one sample; otherwise lanes hold samples against themselves */

	LLVMValueRef *v_coef;                   /* splat of every coefficient */
	LLVMValueRef v_lanes, v_sums;           /* workspace of the part */
	LLVMValueRef v_x, v_z;                  /* left sample (reals; lanes if !pair), right samples (lanes) */
	LLVMValueRef v_k0;                      /* vector inputs: one lane group */
	LLVMValueRef v_left_vars, v_right_vars; /* reals and lanes; lanes and lanes if !pair */
	LLVMValueRef v_left_state, v_right_state;
	LLVMValueRef v_out; /* double lanes: K, Theta */
	LLVMValueRef
		v_same; /* one lane group: 1 where both samples are one, else 0; NULL if the recursion is not noisy */

	LLVMValueRef (*v_base)[AXES]; /* variables of the displacements */
	const RecFrames *frames;
	LLVMValueRef v_frame;  /* index into frames->q */
	Iteration *iterations; /* of the repeats around, outermost first */
	uint32_t iteration_count, iteration_capacity;
	LLVMValueRef *v_parity; /* per buffer id: which copy of a carried buffer is current */
	/* In a piece: its form, the places of buffers by id and of factors in the form's order; else NULL. */
	const struct Form *form;
	LLVMValueRef *v_buffer, *v_var;
	Slide *slides;
	uint32_t slide_count, slide_capacity;
	unsigned together;                 /* positions whose values are joined (cg_join) now: 1 or 2 */
	LLVMValueRef v_row_k, v_row_theta; /* REC_SINK_SUM: sums of the row */
	uint32_t table_count;              /* for names */
	Functions functions;               /* once they are emitted */
} Emit;

/* A net to be emitted: a recursion and, behind an augment or on a trunk, those that take its value as their data. */
typedef struct EmitNet {
	const char *name, *summary, *explanation;
	Emit *e;
	Emit **behind; /* one; or, for all nets of a trunk at once, one per output */
	uint32_t behind_count;
	const Group *group; /* of the augment; NULL: none */
	uint32_t left_views;
	double steps, operations; /* per pair */
} EmitNet;

/* What emit_tile made, and the sizes that go into the descriptor. */
typedef struct EmitTile {
	LLVMValueRef v_kernel, v_prepare;
	uint64_t state_numbers, workspace_bytes;
	uint32_t left, right;
} EmitTile;

/* stmt.c */
void emit_block(Emit *e, const RecBlock *block);
/* frame.c */
/* A number that depends on the frame: a constant if all frames agree, else from a table. */
LLVMValueRef emit_per_frame(Emit *e, const int64_t *values);
/* The displacement along one axis; on a torus reduced to 0 .. n-1. */
LLVMValueRef emit_disp(Emit *e, const RecDisp *disp, uint32_t axis, bool torus, uint32_t size);
LLVMValueRef emit_right_size(Emit *e, const uint32_t shape[AXES], uint32_t axis);
/* Domain of an ordinary slice along one axis. */
void emit_domain(Emit *e, const uint32_t shape[AXES], uint32_t axis, LLVMValueRef v_d, LLVMValueRef *v_low,
		 LLVMValueRef *v_high);

/* leaf.c: a nest, rows, a halo, clearing. */
void emit_leaf(Emit *e, const RecStmt *s);
/* Where a statement stores the value that enters a repeat: that copy becomes the current one. */
void emit_enter_carried(Emit *e, const RecStmt *s);

/* nest.c */
void emit_nest(Emit *e, const RecNest *nest);
/* The rows of a chain of nests as a wave. */
void emit_rows(Emit *e, const RecNest *nests, const int32_t *lead, uint32_t count);

/* expr.c */
/* `p`: as many positions as are taken together. */
KT emit_expr(Emit *e, const RecNest *nest, const RecExpr *expr, const Point *p);
/* Numbers before the plane of a nonlinearity's factors in the current iteration. */
LLVMValueRef emit_var_offset(Emit *e, const RecVar *var);
/* Does taking two positions together pay, and is it possible? */
bool emit_goes_in_twos(const RecExpr *expr);

/* address.c */
/* First lane of plane 0 (K) or 1 (Theta) of a buffer's current (or next) copy. */
LLVMValueRef emit_plane(Emit *e, const RecBuffer *buffer, bool theta, bool next);
/* Index in lanes of position v_t (halo coordinates may be negative) of element v_r in a slice. */
LLVMValueRef emit_slice_index(Emit *e, const RecBuffer *buffer, LLVMValueRef v_r, const LLVMValueRef v_t[AXES]);
LLVMValueRef emit_row_major(Emit *e, const uint32_t shape[AXES], const LLVMValueRef v_t[AXES]);
/* Index of entry (t, u) in array mode. */
LLVMValueRef emit_pair_index(Emit *e, const RecBuffer *buffer, LLVMValueRef v_r, const LLVMValueRef v_t[AXES],
			     const LLVMValueRef v_u[AXES]);
/* From the buffer's start to that of element v_r. */
LLVMValueRef emit_element_offset(Emit *e, const RecBuffer *buffer, LLVMValueRef v_r);
/* Row-major index of t' from u: the view of the frame. */
LLVMValueRef emit_right_index(Emit *e, const uint32_t shape[AXES], const LLVMValueRef v_u[AXES]);
/* Index of the pair (t, u) in an array that keeps some pairs only; a map per frame. */
LLVMValueRef emit_map_index(Emit *e, const RecMap *maps, const LLVMValueRef v_t[AXES], const LLVMValueRef v_u[AXES]);

/* taps.c */
void emit_taps_begin_row(Emit *e, const RecNest *nest, const RecExpr *expr, const Point *row);
KT emit_taps(Emit *e, const RecNest *nest, const RecExpr *expr, const Point *p);

/* piece.c */
/* Is the part so long that its statements become functions? */
bool emit_in_pieces(const RecPart *part);
EmitPieces *emit_pieces_create(Arena *arena);
/* A call of the function that has the statement's form; false: it is a loop, or not worth a call, and nothing was emitted. */
bool emit_piece(Emit *e, const RecStmt *s);

/* operands.c: how many arguments a part's function takes */
unsigned emit_part_args(const Emit *e);
/* The operands of a part, from the arguments of the function that is begun. */
void emit_bind(Emit *e);
/* A coefficient by its number in the table. */
LLVMValueRef emit_coef_load(Emit *e, LLVMValueRef v_index);

/* part.c */
/* The functions of a recursion that are not there yet; `self`: that on lanes of samples against themselves, too. */
void emit_parts(Emit *e, bool self);

/* tile.c */
EmitTile emit_tile(const EmitNet *net);

/* program.c */
/* All functions of one net, and its entry in the table of nets. */
LLVMValueRef emit_net(const EmitNet *net);
/* A row of the table of trunks. */
LLVMValueRef emit_trunk(Cg *cg, const RecTrunk *trunk, LLVMValueRef v_all);
/* sources.c: a pointer to the EntkSources, or NULL. */
LLVMValueRef emit_sources(Cg *cg, const EntkSources *sources);
/* The program's table and entk_program(). */
void emit_table(Cg *cg, const Program *program, const EmitOptions *options, LLVMValueRef *v_nets,
		LLVMValueRef *v_trunks, uint32_t trunk_count);

#endif
