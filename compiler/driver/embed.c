#include "driver/embed.h"

#include <string.h>

/* Bytes as one string literal, a few dozen to the line. Octal escapes of three digits end by themselves; "?" is written
 * as one, for trigraphs. */
static void write_bytes(const char *bytes, size_t length, FILE *to)
{
	putc('"', to);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?')
			putc(c, to);
		else
			fprintf(to, "\\%03o", c);
		if (i % 64 == 63)
			fputs("\"\n\t\"", to);
	}
	putc('"', to);
}

static void write_string(const char *text, FILE *to)
{
	write_bytes(text, strlen(text), to);
}

static void write_strings(const char *name, const char *const *strings, uint32_t count, FILE *to)
{
	fprintf(to, "const char *const entk_embedded_%ss[] = {\n", name);
	for (uint32_t i = 0; i < count; i++) {
		putc('\t', to);
		write_string(strings[i], to);
		fputs(",\n", to);
	}
	fprintf(to, "\t0\n};\nconst size_t entk_embedded_%s_count = %u;\n", name, count);
}

void embed_write(const SourceSet *sources, const Options *options, const char *source_name, FILE *to)
{
	fputs("/* Written by entkc: the sources and options of a program of the reference backend. */\n"
	      "#include <stddef.h>\n\n"
	      "typedef struct EntkEmbeddedSource {\n\tconst char *path;\n\tconst unsigned char *text;\n\tsize_t "
	      "length;\n"
	      "} EntkEmbeddedSource;\n\n",
	      to);
	for (uint32_t i = 0; i < sources->count; i++) {
		if (sources->files[i].in_memory)
			continue; /* the text of a --set */
		fprintf(to, "static const unsigned char text_%u[] =\n\t", i);
		write_bytes(sources->files[i].text, sources->files[i].length, to);
		fputs(";\n", to);
	}
	fputs("\nconst EntkEmbeddedSource entk_embedded_sources[] = {\n", to);
	uint32_t count = 0;
	for (uint32_t i = 0; i < sources->count; i++) {
		const SourceFile *file = &sources->files[i];
		if (file->in_memory)
			continue;
		fputs("\t{", to);
		write_string(file->path, to);
		fprintf(to, ", text_%u, %zu},\n", i, file->length);
		count++;
	}
	for (uint32_t i = 0; i < sources->alias_count; i++) {
		const SourceAlias *alias = &sources->aliases[i];
		if (sources->files[alias->file].in_memory)
			continue;
		fputs("\t{", to);
		write_string(alias->path, to);
		fprintf(to, ", text_%u, %zu},\n", alias->file, sources->files[alias->file].length);
		count++;
	}
	fprintf(to, "};\nconst size_t entk_embedded_source_count = %u;\n\n", count);
	write_strings("include_dir", options->include_dirs, options->include_dir_count, to);
	write_strings("set", options->sets, options->set_count, to);
	fprintf(to, "const unsigned entk_embedded_precision = %d;\n", options->f32 ? 32 : 64);
	fputs("const char entk_embedded_source_name[] = ", to);
	write_string(source_name, to);
	fputs(";\nconst char entk_embedded_compiler[] = ", to);
	write_string(ENTK_VERSION, to);
	fputs(";\n", to);
}
