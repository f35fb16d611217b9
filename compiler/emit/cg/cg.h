/* Code generation with the LLVM C API: the only header that lets the rest of emit/ speak to LLVM.
 *
 * function.c, control.c, integer.c, memory.c, lane.c, constant.c   the only files that call LLVMBuild*,
 *              each for one kind of value; their checks are in cg_internal.h
 * module.c  creation, verification, optimization, output
 * cpu.c     which instructions a CPU name stands for, and how wide a lane vector is
 * duals/       the duals of the nonlinearities, from these helpers
 *
 * A lane vector holds one real number for each of `lanes` pairs of samples (design section 5, F2). All arithmetic
 * helpers work on three kinds of operands: scalars (float, double), lanes (<lanes x real>) and double lanes (<lanes x
 * double>); both operands of a helper have the same type. Names with v_ are values of the generated program, with t_
 * types, with b_ basic blocks; plain names are numbers of the compiler. There are no fast-math flags anywhere: what
 * is written here is what is computed, so results are the same bits for every schedule.
 *
 * The packaged LLVM checks nothing: the helpers assert types and counts, cg_function_end verifies each function, and
 * a module is verified before and after the passes. A failure is a bug of the compiler (ICE), never of a user. */
#ifndef ENTK_CG_H
#define ENTK_CG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm/Config/llvm-config.h>

#if LLVM_VERSION_MAJOR != 19
#error "the emitter is written for LLVM 19; its C API, pass names and attributes change between major versions"
#endif

#include "base/arena.h"

/* ---- the module (module.c) ---- */

typedef struct CgOptions {
	const char *cpu;         /* emit.h; NULL: the host */
	bool f32;                /* `real` is float, else double */
	const char *module_name; /* base name of the source: identifies the module, the same wherever it is compiled */
} CgOptions;

typedef struct CgTarget {
	const char *triple;
	const char *cpu;      /* LLVM's name whose instructions may be used, e.g. "x86-64-v3" */
	const char *tune;     /* LLVM's name whose scheduling is assumed, e.g. "znver4" */
	const char *features; /* LLVM's feature string on top of `cpu`; "" if none */
	const char
		*proc_features; /* what the running machine must have, in the words of /proc/cpuinfo, comma-separated */
	unsigned vector_bytes;  /* 64, 32 or 16 */
	bool has_fma;
	bool host_arch; /* objects can be linked and run here */
} CgTarget;

typedef struct Cg {
	Arena *arena;
	CgTarget target;
	LLVMContextRef context;
	LLVMModuleRef module;
	LLVMBuilderRef builder;
	LLVMTargetMachineRef machine;
	LLVMTargetDataRef layout;

	bool f32;
	unsigned lanes;
	LLVMTypeRef t_real, t_lane, t_lane_f64; /* t_lane == t_lane_f64 iff !f32 */
	LLVMTypeRef t_f64, t_f32, t_i64, t_i32, t_i1, t_i8, t_ptr, t_void;

	/* The function under construction; NULL between functions. */
	LLVMValueRef function;
	LLVMBasicBlockRef b_entry; /* only allocas and a branch to the first real block */
	LLVMBasicBlockRef b_first;
	bool terminated; /* the current block has its terminator: nothing more may be emitted into it */
} Cg;

/* NULL and *error (arena, one line) if the CPU is unknown or LLVM lacks its target. */
Cg *cg_create(Arena *arena, const CgOptions *options, char **error);
/* From here on, between functions, lanes fill that many registers (at most 4) instead of one. Where few values live, independent parts
 * of a vector hide each other's latency. */
void cg_use_registers(Cg *cg, unsigned registers);
void cg_destroy(Cg *cg); /* accepts NULL */

/* Verify, run the optimizer, verify again. */
void cg_optimize(Cg *cg);

typedef enum CgForm { CG_FORM_IR, CG_FORM_ASM, CG_FORM_OBJECT } CgForm;
/* Write the module as it stands to `path` ("-": stdout; anything but an object). false and *error (arena) on
 * failure. */
bool cg_write(Cg *cg, CgForm form, const char *path, char **error);
/* The module as text of LLVM IR; arena. */
char *cg_module_text(Cg *cg);
/* The verifier refused the module: save it as text in a temporary file, and ICE with that file's name. */
_Noreturn void cg_module_broken(Cg *cg, const char *where);

/* ---- CPUs (cpu.c) ---- */

/* Resolve a name of emit.h (NULL: the host). false: unknown, or of an architecture this LLVM cannot compile for. */
bool cg_target_find(Arena *arena, const char *cpu, CgTarget *target);

/* ---- functions ---- */

/* Begin a function and its entry block. `internal`: not visible outside the module. */
LLVMValueRef cg_function_begin(Cg *cg, const char *name, LLVMTypeRef t_return, const LLVMTypeRef *t_params, unsigned n,
			       bool internal);
/* Declare a function that is defined later, or outside. cg_function_begin of the same name then defines it. */
LLVMValueRef cg_function_declare(Cg *cg, const char *name, LLVMTypeRef t_return, const LLVMTypeRef *t_params,
				 unsigned n, bool internal);
LLVMValueRef cg_param(Cg *cg, unsigned index);
void cg_return(Cg *cg, LLVMValueRef v); /* NULL: void */
/* End the function (a missing `return void` is added) and verify it. */
void cg_function_end(Cg *cg);
/* The function under construction is put aside for another one, and taken up again after that one's end. */
typedef struct CgOpen {
	LLVMValueRef function;
	LLVMBasicBlockRef b_entry, b_first, b_current;
} CgOpen;
CgOpen cg_function_set_aside(Cg *cg);
void cg_function_take_up(Cg *cg, CgOpen open);
LLVMValueRef cg_call(Cg *cg, LLVMValueRef function, const LLVMValueRef *args, unsigned n);
/* An enum attribute of LLVM, e.g. "noinline", "alwaysinline". */
void cg_function_attribute(Cg *cg, LLVMValueRef function, const char *attribute);

enum { CG_NOALIAS = 1, CG_READONLY = 2, CG_NOCAPTURE = 4, CG_WRITEONLY = 8 };
/* Promise about a pointer parameter of the current function. `align` in bytes; 0: nothing. */
void cg_param_pointer(Cg *cg, unsigned index, unsigned flags, unsigned align);

/* A function of libm on scalar doubles: sqrt exp log sin cos tan tanh sinh cosh atan erf (one argument), pow
 * (two). */
LLVMValueRef cg_math(Cg *cg, const char *name, const LLVMValueRef *args, unsigned n);

/* ---- integers: i64, and i1 for conditions ---- */

LLVMValueRef cg_i64(Cg *cg, int64_t value);
LLVMValueRef cg_i32(Cg *cg, int32_t value);
LLVMValueRef cg_i1(Cg *cg, bool value);
LLVMValueRef cg_iadd(Cg *cg, LLVMValueRef a, LLVMValueRef b); /* no signed overflow by contract, also isub, imul */
LLVMValueRef cg_isub(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_imul(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_isdiv(Cg *cg, LLVMValueRef a, LLVMValueRef b); /* truncates, as in C */
LLVMValueRef cg_isrem(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_ifloordiv(Cg *cg, LLVMValueRef a, LLVMValueRef b); /* b > 0 */
LLVMValueRef cg_ifloormod(Cg *cg, LLVMValueRef a, LLVMValueRef b); /* b > 0; in [0, b) */
LLVMValueRef cg_imin(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_imax(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_ieq(Cg *cg, LLVMValueRef a, LLVMValueRef b); /* also pointers, also ine */
LLVMValueRef cg_ine(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_ilt(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_ile(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_igt(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_ige(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_and(Cg *cg, LLVMValueRef a, LLVMValueRef b); /* i64, i1 or masks */
LLVMValueRef cg_or(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_not(Cg *cg, LLVMValueRef a);
LLVMValueRef cg_itrunc_i32(Cg *cg, LLVMValueRef v); /* i64 -> i32 */
LLVMValueRef cg_isext_i64(Cg *cg, LLVMValueRef v);  /* i32 -> i64, signed */
LLVMValueRef cg_izext_i64(Cg *cg, LLVMValueRef v);  /* i32 or i1 -> i64, unsigned */
LLVMValueRef cg_i64_to_f64(Cg *cg, LLVMValueRef v); /* signed */

/* ---- variables: memory in the entry block that the optimizer turns into registers ---- */

LLVMValueRef cg_var(Cg *cg, LLVMTypeRef type, const char *name);
LLVMValueRef cg_get(Cg *cg, LLVMValueRef var);
void cg_set(Cg *cg, LLVMValueRef var, LLVMValueRef v);
/* `count` elements on the stack, aligned to the lane vector: a constant count, entry block. */
LLVMValueRef cg_stack_array(Cg *cg, LLVMTypeRef element, unsigned count, const char *name);

/* ---- control ---- */

typedef struct CgLoop {
	LLVMValueRef v_i; /* the index, i64 */
	/* private */
	LLVMValueRef v_slot;
	LLVMBasicBlockRef b_head, b_exit;
	int64_t step;
	unsigned unroll;
} CgLoop;

/* for (i = from; i < to; i += step), step > 0 */
CgLoop cg_loop_begin(Cg *cg, LLVMValueRef v_from, LLVMValueRef v_to, int64_t step, const char *name);
/* for (i = to - 1; i >= from; i--) */
CgLoop cg_loop_down_begin(Cg *cg, LLVMValueRef v_from, LLVMValueRef v_to, const char *name);
/* Ask for `count` copies of the body, before cg_loop_end; without it LLVM is told to leave the loop as it is (neither
 * vectorized, which lanes make pointless, nor unrolled). CG_UNROLL_FULL: constant trip count, no loop left. */
enum { CG_UNROLL_FULL = 0xffffffffu };
void cg_loop_unroll(CgLoop *loop, unsigned count);
void cg_loop_end(Cg *cg, const CgLoop *loop);

typedef struct CgIf {
	LLVMBasicBlockRef b_else, b_end; /* private */
	bool has_else;
} CgIf;

CgIf cg_if(Cg *cg, LLVMValueRef v_condition, const char *name);
void cg_else(Cg *cg, CgIf *branch);
void cg_endif(Cg *cg, CgIf *branch);

/* ---- memory ---- */

/* ptr + index * sizeof(element) */
LLVMValueRef cg_ptr_offset(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMTypeRef element);
/* ptr + bytes */
LLVMValueRef cg_ptr_bytes(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_bytes);
/* element `index` of an array, with the alignment of its type; `type` may be anything */
LLVMValueRef cg_load(Cg *cg, LLVMTypeRef type, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_store(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v); /* the instruction */
LLVMValueRef cg_load_i32_as_i64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);       /* signed */
LLVMValueRef cg_load_u32_as_i64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_load_i64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_load_f64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_load_real(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_store_real(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v);
/* Index in whole lanes; aligned to target.vector_bytes. */
LLVMValueRef cg_load_lane(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_store_lane(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v);
LLVMValueRef cg_load_lane_f64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_store_lane_f64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v);
/* Lanes that begin at any real (index in reals), without alignment. */
LLVMValueRef cg_load_lane_unaligned(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
LLVMValueRef cg_store_lane_unaligned(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v);
/* The same for double lanes, index in doubles. */
LLVMValueRef cg_store_lane_f64_unaligned(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v);
/* One real (index in reals) in all lanes. */
LLVMValueRef cg_load_splat(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index);
/* A field of a C struct. */
LLVMValueRef cg_load_field(Cg *cg, LLVMValueRef v_ptr, size_t byte_offset, LLVMTypeRef type);

/* What a load or store touches: one of 32 disjoint regions of memory (`scope`), and those it surely does not touch.
 * For the results of cg_load_* and cg_store_*; a folded value that is no instruction is left alone. */
void cg_set_alias(Cg *cg, LLVMValueRef instruction, unsigned scope, uint32_t noalias_mask);

/* ---- lanes ---- */

LLVMValueRef cg_splat(Cg *cg, LLVMValueRef v_scalar); /* real -> lane, in f32 also double -> double lane */
LLVMValueRef cg_lane_to_f64(Cg *cg, LLVMValueRef v);  /* lane -> double lane; also a scalar real -> double */
LLVMValueRef cg_f64_to_lane(Cg *cg, LLVMValueRef v);  /* the way back, rounding to nearest */
LLVMValueRef cg_extract(Cg *cg, LLVMValueRef v, unsigned lane);
LLVMValueRef cg_insert(Cg *cg, LLVMValueRef v, LLVMValueRef v_scalar, unsigned lane);
/* Two lane vectors of one type as one operand of twice the width: arithmetic, comparisons, selects and the duals take
 * it too and become two interleaved streams of instructions. That hides latency; costs
 * registers. */
LLVMValueRef cg_join(Cg *cg, LLVMValueRef v_low, LLVMValueRef v_high);
LLVMValueRef cg_half(Cg *cg, LLVMValueRef v_joined, bool high);

LLVMValueRef cg_real_const(Cg *cg, double value);
LLVMValueRef cg_f64_const(Cg *cg, double value);
LLVMValueRef cg_lane_const(Cg *cg, double value);
LLVMValueRef cg_lane_f64_const(Cg *cg, double value);
LLVMValueRef cg_lane_zero(Cg *cg);
/* `value` with the type of `v`: for code that serves all three kinds of operands. */
LLVMValueRef cg_const_like(Cg *cg, LLVMValueRef v, double value);
/* Are the elements of this scalar or vector floats (not doubles)? */
bool cg_is_f32(Cg *cg, LLVMValueRef v);

LLVMValueRef cg_fadd(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fsub(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fmul(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fdiv(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fneg(Cg *cg, LLVMValueRef a);
/* a b + c and c - a b: one rounding where the target has FMA, two where it has not; decided once, at creation. */
LLVMValueRef cg_fma(Cg *cg, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
LLVMValueRef cg_fnma(Cg *cg, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
LLVMValueRef cg_sqrt(Cg *cg, LLVMValueRef a);
LLVMValueRef cg_fabs(Cg *cg, LLVMValueRef a);
/* a < b ? a : b and a > b ? a : b: the second operand if one is NaN, as the instructions of x86 do. */
LLVMValueRef cg_fmin(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fmax(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_copysign(Cg *cg, LLVMValueRef magnitude, LLVMValueRef sign);
/* -v where `sign` is negative or -0, else v: one instruction less than copysign on most targets */
LLVMValueRef cg_flip_sign(Cg *cg, LLVMValueRef v, LLVMValueRef sign);
/* 2^n for the integer n that is in the lowest bits of v = n + 1.5 2^52 (float: 1.5 2^23); 2^n must be a normal number. */
LLVMValueRef cg_power_of_two(Cg *cg, LLVMValueRef v);
/* Ordered comparisons: i1, or a mask of lanes. */
LLVMValueRef cg_flt(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fle(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fgt(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_fge(Cg *cg, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_feq(Cg *cg, LLVMValueRef a, LLVMValueRef b);
/* Any type; condition i1, or a mask of as many lanes. */
LLVMValueRef cg_select(Cg *cg, LLVMValueRef v_condition, LLVMValueRef a, LLVMValueRef b);

/* ---- constants and globals ---- */

LLVMValueRef cg_global_string(Cg *cg, const char *text);                /* pointer to a private constant */
LLVMValueRef cg_global_bytes(Cg *cg, const char *bytes, size_t length); /* the same, whatever the bytes; a 0 follows */
LLVMValueRef cg_global_i32_array(Cg *cg, const char *name, const int32_t *values, size_t n);
LLVMValueRef cg_global_i64_array(Cg *cg, const char *name, const int64_t *values, size_t n);
LLVMValueRef cg_global_f64_array(Cg *cg, const char *name, const double *values, size_t n);
/* Constant aggregates with C's layout (fields in order, natural alignment). */
LLVMValueRef cg_const_struct(Cg *cg, const LLVMValueRef *fields, unsigned n);
LLVMValueRef cg_const_array(Cg *cg, LLVMTypeRef element, const LLVMValueRef *values, size_t n);
LLVMValueRef cg_const_null(Cg *cg); /* a null pointer */
/* A global constant with this initializer, `exported` or private. */
LLVMValueRef cg_global_const(Cg *cg, const char *name, LLVMValueRef initializer, bool exported);
/* Size in bytes of a type in the target's memory. */
size_t cg_sizeof(Cg *cg, LLVMTypeRef type);

#endif
