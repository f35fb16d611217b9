#include "driver/explain.h"

#include "analysis/symmetry.h"

void explain_symmetry(Arena *arena, const SourceSet *sources, const Program *program, FILE *to)
{
	for (uint32_t i = 0; i < program->network_count; i++) {
		const Network *network = program->networks[i];
		Symmetry symmetry = symmetry_analyse(arena, network);
		fprintf(to, "%s: symmetry: %s\n", network->name, symmetry_verdict_text(symmetry.verdict));
		if (!symmetry.stops_at)
			continue;
		Span span = symmetry.stops_at->span;
		const SourceFile *file = &sources->files[span.file];
		SourcePlace place = source_place(file, span.begin);
		fprintf(to, "%s: no stronger reduction at %s:%u:%u, %s: %s\n", network->name, file->path, place.line,
			place.column, symmetry.stops_at->label ? symmetry.stops_at->label : "layer",
			symmetry.reason ? symmetry.reason : "");
	}
}

void explain_invariance(Arena *arena, const Program *program, FILE *to)
{
	for (uint32_t i = 0; i < program->network_count; i++)
		fprintf(to, "%s: %s\n", program->networks[i]->name, symmetry_summary(arena, program->networks[i]));
}
