/* The list of compared nets, and what is kept for each while its turn lasts: see compare.h. */
#include "compare/compare.h"

#include "output/text.h"

#include <stdlib.h>
#include <string.h>

void entk_compare_kernels_destroy(EntkCompareKernels *kernels)
{
	free(kernels->pool);
	free(kernels->cross);
	memset(kernels, 0, sizeof *kernels);
}

static bool taken(const EntkCompare *compare, const char *name)
{
	for (size_t i = 0; i < compare->net_count; i++)
		if (strcmp(compare->nets[i].name, name) == 0)
			return true;
	return false;
}

EntkStatus entk_compare_add(EntkCompare *compare, const char *name, const char *source, EntkCompareNet **net,
			    EntkError *error)
{
	EntkText text = {0};
	entk_text_add(&text, "%s", name);
	if (source && taken(compare, name)) {
		const char *slash = strrchr(source, '/');
		entk_text_destroy(&text);
		memset(&text, 0, sizeof text);
		entk_text_add(&text, "%s/%s", slash ? slash + 1 : source, name);
	}
	EntkCompareNet *nets = realloc(compare->nets, (compare->net_count + 1) * sizeof *nets);
	if (nets)
		compare->nets = nets;
	if (!nets || text.failed) {
		entk_text_destroy(&text);
		return entk_fail_memory(error, "the list of nets", 0);
	}
	double pool = (double)compare->pool_count, rows = (double)(compare->test_count + compare->val_count);
	*net = &compare->nets[compare->net_count++];
	**net = (EntkCompareNet){.name = text.bytes, .source = source, .pairs = pool * (pool + 1) / 2 + pool * rows};
	return ENTK_OK;
}
