/* Generated code in the test's own process: link a module's object into a shared library and open it. */
#ifndef ENTK_LOAD_OBJECT_H
#define ENTK_LOAD_OBJECT_H

/* A fresh temporary path ending in `suffix`; static memory, valid until the next call. */
const char *temporary_path(const char *suffix);
/* dlopen `object_path` linked by cc; both files are removed. Fails the test if that cannot be done. */
void *load_object(const char *object_path);
/* dlsym that fails the test. */
void *load_symbol(void *library, const char *name);

#endif
