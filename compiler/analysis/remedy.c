/* One axis of a window layer: is it symmetric about its centre, and if not, what near by would be? */
#include <string.h>

#include "analysis/internal.h"

bool axis_make(uint32_t n, uint32_t f, uint32_t s, uint32_t dilation, Padding padding, Axis *axis)
{
	int32_t low = 0;
	*axis = (Axis){.n = n, .f = f, .s = s, .dilation = dilation, .padding = padding};
	if (!window_axis(n, f, s, dilation, padding, &axis->m, &low))
		return false;
	axis->first2 = (int64_t)dilation * (f - 1) - 2 * (int64_t)low;
	return true;
}

static int64_t modulo(int64_t value, int64_t n)
{
	return (value % n + n) % n;
}

AxisResult axis_follow(const Axis *axis, int64_t *z, bool *constrained)
{
	int64_t n = axis->n, s = axis->s, m = axis->m;
	int64_t v = *z - axis->first2; /* output t meets output t' when s (t + t') = v */
	*constrained = false;
	if (axis->f == 1 && axis->s == 1)
		return AXIS_SYMMETRIC;
	if (axis->padding == PADDING_CIRCULAR && n % s == 0) {
		*z = m - 1;
		if (v % s != 0)
			return AXIS_ASYMMETRIC;
		*z = modulo(v / s, m);
		return AXIS_SYMMETRIC;
	}
	bool middle = *z == n - 1;
	*z = m - 1;
	*constrained = true;
	if (axis->padding == PADDING_CIRCULAR)
		return modulo(s * (m - 1) - v, n) == 0 ? AXIS_SYMMETRIC : AXIS_ASYMMETRIC;
	if (!middle)
		return AXIS_DISPLACED;
	return s * (m - 1) == v ? AXIS_SYMMETRIC : AXIS_ASYMMETRIC;
}

/* ---- remedies ------------------------------------------------------------------------------------------------- */

/* Symmetric when it comes first, and leaves the centre in the middle. */
static bool keeps(uint32_t n, uint32_t f, uint32_t s, uint32_t dilation, Padding padding)
{
	Axis axis;
	bool constrained;
	if (!axis_make(n, f, s, dilation, padding, &axis))
		return false;
	int64_t z = (int64_t)n - 1;
	return axis_follow(&axis, &z, &constrained) == AXIS_SYMMETRIC && z == (int64_t)axis.m - 1;
}

/* The nearest number below and above `from` for which the axis, with `n` or `f` replaced, keeps the symmetry; 0: none
 * within reach. */
static void nearest(const Axis *axis, bool size, uint32_t *below, uint32_t *above)
{
	uint32_t from = size ? axis->n : axis->f, reach = axis->s + 1 < 64 ? axis->s + 1 : 64;
	*below = *above = 0;
	for (uint32_t k = 1; k <= reach; k++) {
		uint32_t low = from > k ? from - k : 0, high = from + k;
		if (*below == 0 && low > 0 &&
		    keeps(size ? low : axis->n, size ? axis->f : low, axis->s, axis->dilation, axis->padding))
			*below = low;
		if (*above == 0 && high > from &&
		    keeps(size ? high : axis->n, size ? axis->f : high, axis->s, axis->dilation, axis->padding))
			*above = high;
	}
}

static const char *two(Arena *arena, uint32_t below, uint32_t above)
{
	if (below != 0 && above != 0)
		return arena_printf(arena, "%u or %u", below, above);
	return arena_printf(arena, "%u", below != 0 ? below : above);
}

const char *axis_remedy(Arena *arena, const Axis *axis, uint32_t number, bool pool)
{
	static const struct {
		Padding padding;
		const char *name;
	} paddings[] = {{PADDING_VALID, "valid"}, {PADDING_SAME, "same"}, {PADDING_CIRCULAR, "circular"}};
	const char *parts[6], *text = "";
	uint32_t count = 0, below, above;
	nearest(axis, true, &below, &above);
	if (below != 0 || above != 0)
		parts[count++] = arena_printf(arena, "%s positions instead of %u on axis %u", two(arena, below, above),
					      axis->n, number);
	nearest(axis, false, &below, &above);
	if (below != 0 || above != 0)
		parts[count++] = arena_printf(arena, "a %s of %s instead of %u", pool ? "window" : "filter",
					      two(arena, below, above), axis->f);
	for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++)
		if (paddings[i].padding != axis->padding &&
		    keeps(axis->n, axis->f, axis->s, axis->dilation, paddings[i].padding))
			parts[count++] = arena_printf(arena, "padding = %s", paddings[i].name);
	if (count == 0 && axis->s > 1 && keeps(axis->n, axis->f, 1, axis->dilation, axis->padding))
		parts[count++] = "stride = 1";
	if (count == 0)
		parts[count++] = "an odd filter and stride 1";
	for (uint32_t i = 0; i < count; i++)
		text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : i + 1 == count ? ", or " : ", ", parts[i]);
	return arena_printf(arena, "The symmetry would be kept by %s.", text);
}
