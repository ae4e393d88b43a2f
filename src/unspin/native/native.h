/* The inner loops of unspin in C, compiled when a wheel is built and a C compiler is at hand (hatch_build.py). Each function
   does what the numpy code of the same name in the module named above it does, on the same arrays; that code is the
   reference, and runs where there is no library. No Python.h: the functions are called through ctypes (kernels.py).

   Conventions: sizes and indices are int64_t, masks are uint8_t (numpy's bool). The caller allocates: what is written lies
   in arrays whose names come last, and nothing is read or written beyond the sizes given. */

#ifndef UNSPIN_NATIVE_H
#define UNSPIN_NATIVE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#ifdef __GNUC__
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)(address))
#endif

/* In lookups.c, for others too. */
int64_t unspin_numbered(int64_t n, const int64_t *value, int64_t mask, int64_t *place, int64_t *number);

/* Levels of a stream position (lattice.STEP). */
#define STEP 16

#endif
