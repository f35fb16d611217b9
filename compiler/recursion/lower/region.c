/* Plain regions: outside of groups, with the identity as their only frame. */
#include "recursion/lower/lower.h"

Region *lower_plain_region(Lower *l)
{
	Region *region = ARENA_NEW(l->arena, Region);
	region->frames = lower_frames(l, NULL);
	region->schedule = &schedule_slices;
	return region;
}

const Schedule *lower_plain_schedule(const Lower *l)
{
	return l->options->no_slices ? &schedule_arrays : &schedule_slices;
}
