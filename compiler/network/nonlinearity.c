#include "network/nonlinearity.h"

#include <math.h>

uint32_t nonlinearity_degree(const Scalar *const *args)
{
	return (uint32_t)args[0]->value;
}

/* ---- formulas ------------------------------------------------------------------------------------------------- */

#define PI 3.14159265358979323846

#define A(i)         (args[i])
#define NUMBER(x)    scalar_const(arena, x)
#define PLUS(x, y)   scalar_op(arena, SCALAR_ADD, x, y, NULL)
#define MINUS(x, y)  scalar_op(arena, SCALAR_SUB, x, y, NULL)
#define TIMES(x, y)  scalar_op(arena, SCALAR_MUL, x, y, NULL)
#define SCALED(x, n) TIMES(x, NUMBER(n))
#define SQUARE(x)    square(arena, x)
#define SINE(x)      scalar_op(arena, SCALAR_SIN, x, NULL, NULL)
#define COSINE(x)    scalar_op(arena, SCALAR_COS, x, NULL, NULL)

static const Scalar *square(Arena *arena, const Scalar *x)
{
	return TIMES(x, x);
}

/* ---- polynomials [KR-58] -------------------------------------------------------------------------------------- */

bool polynomial_lacks(const Scalar *const *args, uint32_t i)
{
	return scalar_is_zero(args[i]);
}

bool polynomial_has(const Scalar *const *args, uint32_t count, uint32_t k)
{
	for (uint32_t i = k; i < count; i += 2)
		if (!polynomial_lacks(args, i))
			return true;
	return false;
}

static bool polynomial_is_odd(const Scalar *const *args, uint32_t count)
{
	return !polynomial_has(args, count, 0);
}

static uint32_t polynomial_factors(const Scalar *const *args, uint32_t count)
{
	uint32_t factors = 0;
	for (uint32_t k = 0; k < count; k++)
		factors += polynomial_has(args, count, k);
	return factors;
}

/* sqrt(k!) binomial(i, k) (i - k - 1)!! */
static double hermite_weight(uint32_t i, uint32_t k)
{
	double weight = 1;
	for (uint32_t j = 1; j <= k; j++)
		weight *= sqrt(j) * (i - k + j) / j;
	for (uint32_t j = i > k ? i - k - 1 : 0; j > 1; j -= 2)
		weight *= j;
	return weight;
}

/* For each power of c that occurs, the coefficients of the powers of the variance, lowest first. */
static uint32_t polynomial_coefficients(Arena *arena, const Scalar *const *args, uint32_t count, const Scalar **list)
{
	uint32_t found = 0;
	for (uint32_t k = 0; k < count; k++)
		for (uint32_t i = k; i < count; i += 2)
			if (!polynomial_lacks(args, i)) {
				if (list)
					list[found] = SCALED(args[i], hermite_weight(i, k));
				found++;
			}
	return found;
}

/* ---- the rows ------------------------------------------------------------------------------------------------- */

#define NAMES(...) {__VA_ARGS__}
static uint32_t give(const Scalar *const *made, uint32_t count, const Scalar **list)
{
	for (uint32_t i = 0; list && i < count; i++)
		list[i] = made[i];
	return count;
}

#define LIST(...)                                        \
	const Scalar *const made[] = {__VA_ARGS__};      \
	return give(made, sizeof made / sizeof *made, list)
#define NOTHING         return give(NULL, 0, list)
#define POLYNOMIAL_LIST return polynomial_coefficients(arena, args, count, list)

#define FUNCTION(f, arguments, is_odd, factor_count, coefficient_list, operations, low, high)                  \
	static bool odd_##f(const Scalar *const *args, uint32_t count)                                         \
	{                                                                                                       \
		(void)args, (void)count;                                                                        \
		return is_odd;                                                                                  \
	}                                                                                                       \
	static uint32_t factors_##f(const Scalar *const *args, uint32_t count)                                 \
	{                                                                                                       \
		(void)args, (void)count;                                                                        \
		return factor_count;                                                                            \
	}                                                                                                       \
	static uint32_t coefficients_##f(Arena *arena, const Scalar *const *args, uint32_t count,              \
					  const Scalar **list)                                                  \
	{                                                                                                       \
		(void)arena, (void)args, (void)count;                                                           \
		coefficient_list;                                                                               \
	}
#define LAYER_NAME(name, id, positional, required, arguments, ...)
#include "network/nonlinearities.def"
#undef FUNCTION

const Nonlinearity nonlinearities[NONLINEARITY_COUNT] = {
#define FUNCTION(f, names, is_odd, factor_count, coefficient_list, operation_count, least, most)                  \
	[NONLINEARITY_##f] = {.id = NONLINEARITY_##f,                                                            \
			       .name = #f,                                                                        \
			       .arguments = names,                                                                 \
			       .operations = operation_count,                                                      \
			       .low = least,                                                                       \
			       .high = most,                                                                       \
			       .odd = odd_##f,                                                                    \
			       .factors = factors_##f,                                                            \
			       .coefficients = coefficients_##f},
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME
};

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

bool node_is_odd(const Node *node)
{
	return node->as.pointwise.f->odd(node->as.pointwise.args, node->as.pointwise.arg_count);
}

uint32_t node_factors(const Node *node)
{
	return node->as.pointwise.f->factors(node->as.pointwise.args, node->as.pointwise.arg_count);
}

const char *node_argument_name(Arena *arena, const Node *node, uint32_t i)
{
	const Nonlinearity *f = node->as.pointwise.f;
	uint32_t names = 0;
	while (names < 4 && f->arguments[names])
		names++;
	bool counts_on = f->id == NONLINEARITY_polynomial;
	return counts_on ? arena_printf(arena, "%s%u", f->arguments[names - 1], i) : f->arguments[i];
}
