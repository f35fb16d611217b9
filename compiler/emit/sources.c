/* The sources that a program carries (EntkProgram.sources): its files, each text once, and the options of the command line. */
#include "emit/internal.h"

static LLVMValueRef emit_strings(Cg *cg, const char *const *strings, uint32_t count)
{
	LLVMValueRef *items = ARENA_ARRAY(cg->arena, LLVMValueRef, count + 1);
	for (uint32_t i = 0; i < count; i++)
		items[i] = cg_global_string(cg, strings[i]);
	if (count == 0)
		return cg_const_null(cg);
	return cg_global_const(cg, "entk.strings", cg_const_array(cg, cg->t_ptr, items, count), false);
}

LLVMValueRef emit_sources(Cg *cg, const EntkSources *sources)
{
	if (!sources || sources->file_count == 0)
		return cg_const_null(cg);
	uint32_t count = sources->file_count;
	LLVMValueRef *files = ARENA_ARRAY(cg->arena, LLVMValueRef, count);
	LLVMValueRef *texts = ARENA_ARRAY(cg->arena, LLVMValueRef, count);
	for (uint32_t i = 0; i < count; i++) {
		const EntkSource *file = &sources->files[i];
		for (uint32_t k = 0; k < i && !texts[i]; k++)
			if (sources->files[k].text == file->text)
				texts[i] = texts[k];
		if (!texts[i])
			texts[i] = cg_global_bytes(cg, (const char *)file->text, file->length);
		const LLVMValueRef fields[] = {cg_global_string(cg, file->path), texts[i],
					       cg_i64(cg, (int64_t)file->length)};
		files[i] = cg_const_struct(cg, fields, 3);
	}
	LLVMValueRef v_files = cg_const_array(cg, LLVMTypeOf(files[0]), files, count);
	const LLVMValueRef fields[] = {
		cg_i32(cg, (int32_t)count),
		cg_global_const(cg, "entk.files", v_files, false),
		cg_i32(cg, (int32_t)sources->include_dir_count),
		emit_strings(cg, sources->include_dirs, sources->include_dir_count),
		cg_i32(cg, (int32_t)sources->set_count),
		emit_strings(cg, sources->sets, sources->set_count),
	};
	return cg_global_const(cg, "entk.sources", cg_const_struct(cg, fields, sizeof fields / sizeof *fields), false);
}
