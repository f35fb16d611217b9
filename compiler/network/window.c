/* Geometry of one axis of a window (math.md 3, XLA's rules). */
#include "network/network.h"

bool window_axis(uint32_t size, uint32_t window, uint32_t stride, uint32_t dilation, Padding padding, uint32_t *out,
		 int32_t *low)
{
	if (size == 0 || window == 0 || stride == 0 || dilation == 0)
		return false;
	uint64_t n = size, s = stride;
	uint64_t extent = (uint64_t)dilation * (window - 1u) + 1u; /* below 2^64: both factors are below 2^32 */
	if (padding == PADDING_VALID) {
		if (extent > n)
			return false;
		*out = (uint32_t)((n - extent) / s + 1);
		*low = 0;
		return true;
	}
	if (extent > INT32_MAX) /* `low` would not fit */
		return false;
	uint64_t m = (n + s - 1) / s;
	uint64_t reach = (m - 1) * s + extent; /* cells from the first to the last one read */
	uint64_t total = reach > n ? reach - n : 0;
	*out = (uint32_t)m;
	*low = (int32_t)(total / 2); /* an odd total puts the extra cell at the end */
	return true;
}
