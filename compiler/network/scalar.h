/* Real numbers of a network: constants, or expressions over the program's `param`s.
 *
 * A layer's real arguments may depend on a `param`, whose value a generated program can set anew at run time
 * (`--set w=1.6`), so they are kept as small immutable expressions. */
#ifndef ENTK_SCALAR_H
#define ENTK_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef enum ScalarOp {
	SCALAR_CONST,
	SCALAR_PARAM,
	SCALAR_ADD,
	SCALAR_SUB,
	SCALAR_MUL,
	SCALAR_DIV,
	SCALAR_POW,
	SCALAR_MIN,
	SCALAR_MAX,
	SCALAR_NEG,
	SCALAR_SQRT,
	SCALAR_EXP,
	SCALAR_LOG,
	SCALAR_SIN,
	SCALAR_COS,
	SCALAR_TAN,
	SCALAR_TANH,
	SCALAR_SINH,
	SCALAR_COSH,
	SCALAR_ATAN,
	SCALAR_ERF,
	SCALAR_ABS,
	SCALAR_SIGN,
	SCALAR_WHERE /* where(c, a, b): a if c > 0, else b */
} ScalarOp;

typedef struct Scalar Scalar;
struct Scalar {
	ScalarOp op;
	double value;   /* at the params' values in the source (after entkc --set) */
	uint32_t param; /* SCALAR_PARAM: index into Program.params */
	const Scalar *arg[3];
	uint32_t
		size; /* operations of the expression written out as a tree; the checker bounds it by SCALAR_MAX_SIZE */
};

/* Bound on `size`, and so on the depth and the cost of walking an expression. */
#define SCALAR_MAX_SIZE 20000

const Scalar *scalar_const(Arena *arena, double value);
const Scalar *scalar_param(Arena *arena, uint32_t param, double value);
uint32_t scalar_op_arity(ScalarOp op);
/* The operation on numbers; unused arguments are ignored. */
double scalar_apply(ScalarOp op, double a, double b, double c);
/* Folds to a constant when all arguments are constant. Unused arguments are NULL. */
const Scalar *scalar_op(Arena *arena, ScalarOp op, const Scalar *a, const Scalar *b, const Scalar *c);

bool scalar_is_const(const Scalar *s);
bool scalar_is_zero(const Scalar *s); /* for all params */
/* Value with other values of the params (one double per Program.params entry). */
double scalar_eval(const Scalar *s, const double *params);
bool scalar_equal(const Scalar *a, const Scalar *b); /* structurally: same number for all params */
/* As the user could have written it, params by name ("p0", "p1", ... when `names` is NULL). */
char *scalar_text(Arena *arena, const Scalar *s, const char *const *names);

#endif
