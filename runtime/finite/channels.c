/* How many channels each step of a finite network has.
 *
 * Every weight layer could have any width; a flatten multiplies what it gets by the size of its index set, and the
 * branches of a sum must agree. So a weight layer opens a class, counts are multiples of classes, and a sum of a x and
 * b y makes x = (b/g) t and y = (a/g) t with g = gcd(a, b) of a new class t: a residual layer behind a flatten gets as
 * many channels as the flatten gives. Classes without a parent have the width that was asked for.
 *
 * Channels of a raw input do not grow. Concatenated with others they add a constant, which a layer that is added
 * to them can follow: y = a x + constant. */
#include <string.h>

#include "base/diag.h"
#include "finite/internal.h"

/* Nobody could afford more; keeps products far from overflow. */
#define MAX_FACTOR ((uint64_t)1 << 31)

static uint32_t new_class(Arena *arena, ChannelTable *table)
{
	if (table->count == table->capacity) {
		uint32_t capacity = 2 * table->capacity + 64;
		ChannelClass *classes = ARENA_ARRAY(arena, ChannelClass, capacity);
		if (table->count > 0)
			memcpy(classes, table->classes, table->count * sizeof *classes);
		table->classes = classes;
		table->capacity = capacity;
	}
	table->classes[table->count] = (ChannelClass){table->count, 1, 0};
	return table->count++;
}

Channels channels_new(Arena *arena, ChannelTable *table)
{
	return (Channels){new_class(arena, table), 1, 0};
}

Channels channels_fixed(uint64_t count)
{
	return (Channels){CHANNELS_FIXED, 0, count};
}

Channels channels_times(Channels channels, uint64_t factor)
{
	return (Channels){channels.class, channels.factor * factor, channels.extra * factor};
}

static bool sane(const Channels *channels)
{
	return channels->factor <= MAX_FACTOR && channels->extra <= MAX_FACTOR;
}

/* The same count in units of the class's root; false if it is absurd. */
static bool to_root(const ChannelTable *table, Channels *channels)
{
	while (channels->class != CHANNELS_FIXED && table->classes[channels->class].parent != channels->class) {
		const ChannelClass *class = &table->classes[channels->class];
		if (!sane(channels))
			return false;
		*channels = (Channels){class->parent, channels->factor * class->factor,
				       channels->factor * class->extra + channels->extra};
	}
	return sane(channels);
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Makes m a = n b of two roots a and b, with m and n coprime. */
static void link(Arena *arena, ChannelTable *table, uint32_t a, uint64_t m, uint32_t b, uint64_t n)
{
	uint32_t root = m == n ? a : new_class(arena, table);
	table->classes[a] = (ChannelClass){root, n, 0};
	table->classes[b] = (ChannelClass){root, m, 0};
}

/* Lets the class of b follow that of a, where counts that are whole and positive come of it for every width. */
static bool follow(ChannelTable *table, const Channels *a, const Channels *b)
{
	uint64_t rest = a->extra - b->extra;
	if (a->extra < b->extra || rest % b->factor != 0 || a->factor % b->factor != 0)
		return false;
	table->classes[b->class] = (ChannelClass){a->class, a->factor / b->factor, rest / b->factor};
	return true;
}

bool channels_unify(Arena *arena, ChannelTable *table, Channels a, Channels b)
{
	if (!to_root(table, &a) || !to_root(table, &b))
		return false;
	if (a.class == b.class)
		return a.factor == b.factor && a.extra == b.extra;
	if (a.class == CHANNELS_FIXED || b.class == CHANNELS_FIXED)
		return false;
	if (a.extra != b.extra)
		return follow(table, &a, &b) || follow(table, &b, &a);
	uint64_t divisor = greatest_common_divisor(a.factor, b.factor);
	link(arena, table, a.class, a.factor / divisor, b.class, b.factor / divisor);
	return true;
}

/* A concatenation makes no branch more than this times as wide as it would be otherwise. */
#define MAX_RATIO 16

/* The ratio m : n in lowest terms, or the nearest one of terms up to MAX_RATIO. */
static void shorten(uint64_t *m, uint64_t *n)
{
	uint64_t divisor = greatest_common_divisor(*m, *n), larger = *m > *n ? *m : *n;
	if (larger / divisor > MAX_RATIO) {
		*m = (MAX_RATIO * *m + larger / 2) / larger;
		*n = (MAX_RATIO * *n + larger / 2) / larger;
		*m = *m > 0 ? *m : 1;
		*n = *n > 0 ? *n : 1;
		divisor = greatest_common_divisor(*m, *n);
	}
	*m /= divisor;
	*n /= divisor;
}

bool channels_beside(Arena *arena, ChannelTable *table, Channels a, uint64_t a_width, Channels b, uint64_t b_width,
		     Channels *both)
{
	if (!to_root(table, &a) || !to_root(table, &b))
		return false;
	if (a.class != b.class && a.class != CHANNELS_FIXED && b.class != CHANNELS_FIXED) {
		uint64_t m = a.factor * b_width, n = b.factor * a_width; /* each below 2^62 */
		shorten(&m, &n);
		link(arena, table, a.class, m, b.class, n);
		if (!to_root(table, &a) || !to_root(table, &b))
			return false;
	}
	uint32_t class = a.class != CHANNELS_FIXED ? a.class : b.class;
	*both = (Channels){class, a.factor + b.factor, a.extra + b.extra};
	return sane(both);
}

uint64_t channels_count(const ChannelTable *table, Channels channels, uint32_t width)
{
	bool known = to_root(table, &channels);
	ENTK_ASSERT(known); /* the plan has asked already */
	return channels.factor * width + channels.extra;
}
