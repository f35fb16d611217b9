/* See cpu.h. */
#include "support/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of the first line of /proc/cpuinfo that starts with `key`; NULL if there is none. The caller frees it. */
static char *cpuinfo(const char *key)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char *line = NULL, *value = NULL;
	size_t capacity = 0;
	if (!file)
		return NULL;
	while (!value && getline(&line, &capacity, file) > 0) {
		const char *colon = strchr(line, ':');
		if (colon && strncmp(line, key, strlen(key)) == 0)
			value = strdup(colon + 1);
	}
	free(line);
	fclose(file);
	if (value)
		value[strcspn(value, "\n")] = '\0';
	return value;
}

/* Is `word` one of the blank-separated words of `text`? */
static bool has_word(const char *text, const char *word, size_t length)
{
	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

bool entk_cpu_has(const char *features, char *missing, size_t size)
{
	char *flags = cpuinfo("flags");
	if (!flags)
		flags = cpuinfo("Features"); /* ARM */
	missing[0] = '\0';
	while (flags && *features) {
		size_t length = strcspn(features, ",");
		char word[64];
		snprintf(word, sizeof word, "%.*s", (int)length, features);
		if (length > 0 && !has_word(flags, word, strlen(word))) {
			size_t used = strlen(missing);
			snprintf(missing + used, size - used, used ? ",%s" : "%s", word);
		}
		features += length + (features[length] == ',');
	}
	free(flags);
	return missing[0] == '\0';
}

const char *entk_cpu_name(char *name, size_t size)
{
	char *value = cpuinfo("model name");
	snprintf(name, size, "%s", value ? value + strspn(value, " ") : "unknown");
	free(value);
	return name;
}
