/* gemm.c -- float32 matrix products through oneDNN's matmul primitive.  The only user of oneDNN.
 *
 * Why matmul and not dnnl_gemm: gemm packs the weights again at each call, matmul takes them packed once.
 *
 * A primitive is made for a fixed number of rows, so each product has three of them, for
 * 64, 16 and 4 rows, all reading the same packed weights; the last 1 to 15 rows are padded
 * to 4 or 16: a call reads all weights, which costs more than rows of zeroes.  (There is none for a
 * single row: without AVX-512 oneDNN sums that in another order, and a row's result would depend on its place.)
 *
 * oneDNN runs OpenMP teams as large as the calling thread allows, so that is set to one
 * thread round each call and put back after: a team would survive neither fork() nor
 * threads of our own.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/gemm.h"

#include <assert.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

enum { PAD_ROWS = 16 };
static const int tile_rows[] = {GEMM_ROWS, PAD_ROWS, 4};
enum { N_TILES = sizeof tile_rows / sizeof *tile_rows };

struct gemm_lib {
    dnnl_engine_t engine;
    size_t scratch_bytes;      /* the most that a primitive made so far wants */
    size_t widest_a, widest_c; /* the longest row of any product, in floats */
};

struct gemm_tile {
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t a, c, scratch;
};

struct gemm {
    struct gemm_lib *lib;
    int n, k;
    dnnl_memory_desc_t packed;
    void *w; /* packed weights */
    dnnl_memory_t w_memory;
    struct gemm_tile tiles[N_TILES];
};

struct gemm_scratch {
    struct gemm_lib *lib;
    dnnl_stream_t stream;
    void *bytes;
    size_t n_bytes;
    float *a, *c; /* PAD_ROWS rows for the end of a matrix */
    size_t widest_a, widest_c;
};

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static int lib_err(struct err *err, dnnl_status_t status, const char *what)
{
    if (status == dnnl_out_of_memory)
        return err_nomem(err);
    return err_set(err, E_IO, "oneDNN: cannot %s (status %d); is libdnnl 2.6 or later installed?",
                   what, (int)status);
}

int gemm_lib_open(struct gemm_lib **out, struct err *err)
{
    struct gemm_lib *lib = mem_zalloc(1, sizeof *lib);
    dnnl_status_t status;

    if (!lib)
        return err_nomem(err);
    status = dnnl_engine_create(&lib->engine, dnnl_cpu, 0);
    if (status) {
        gemm_lib_close(lib);
        return lib_err(err, status, "open its CPU engine");
    }
    *out = lib;
    return 0;
}

void gemm_lib_close(struct gemm_lib *lib)
{
    if (!lib)
        return;
    dnnl_engine_destroy(lib->engine);
    mem_free(lib);
}

/* The matmul of `rows` rows.  `weights` says how they lie, or "any" to let oneDNN choose;
 * what it chose is in *chosen, which may be NULL. */
static dnnl_status_t make_tile(struct gemm_tile *t, dnnl_memory_desc_t *chosen,
                               const struct gemm *g, int rows, const dnnl_memory_desc_t *weights)
{
    const dnnl_dims_t a_dims = {rows, g->k}, c_dims = {rows, g->n};
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status;

    if ((status = dnnl_memory_desc_init_by_tag(&t->a, 2, a_dims, dnnl_f32, dnnl_ab)) ||
        (status = dnnl_memory_desc_init_by_tag(&t->c, 2, c_dims, dnnl_f32, dnnl_ab)) ||
        (status = dnnl_matmul_desc_init(&desc, &t->a, weights, NULL, &t->c)) ||
        (status = dnnl_primitive_attr_create(&attr)) ||
        (status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user)) ||
        (status = dnnl_primitive_desc_create(&pd, &desc, attr, g->lib->engine, NULL)) ||
        (status = dnnl_primitive_create(&t->primitive, pd)))
        goto done;
    t->scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (chosen)
        *chosen = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
done:
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* Copies w [n, k] into g's packed weights. */
static dnnl_status_t pack(struct gemm *g, const float *w)
{
    const dnnl_dims_t dims = {g->k, g->n}, strides = {1, g->k};
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_status_t status;

    if ((status = dnnl_memory_desc_init_by_strides(&plain, 2, dims, dnnl_f32, strides)) ||
        (status = dnnl_memory_create(&from, &plain, g->lib->engine, (void *)(uintptr_t)w)) ||
        (status = dnnl_memory_create(&g->w_memory, &g->packed, g->lib->engine, g->w)) ||
        (status = dnnl_reorder_primitive_desc_create(&pd, &plain, g->lib->engine, &g->packed,
                                                     g->lib->engine, NULL)) ||
        (status = dnnl_primitive_create(&reorder, pd)) ||
        (status = dnnl_stream_create(&stream, g->lib->engine, dnnl_stream_default_flags)))
        goto done;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, g->w_memory}};
    if (!(status = dnnl_primitive_execute(reorder, stream, 2, args)))
        status = dnnl_stream_wait(stream);
done:
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(pd);
    dnnl_memory_destroy(from);
    return status;
}

static dnnl_status_t build(struct gemm *g, const float *w)
{
    const dnnl_dims_t dims = {g->k, g->n};
    dnnl_memory_desc_t any;
    dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&any, 2, dims, dnnl_f32, dnnl_format_tag_any);

    for (int i = 0; i < N_TILES && !status; i++) {
        status =
            make_tile(&g->tiles[i], i ? NULL : &g->packed, g, tile_rows[i], i ? &g->packed : &any);
        if (!status)
            g->lib->scratch_bytes =
                larger(g->lib->scratch_bytes, dnnl_memory_desc_get_size(&g->tiles[i].scratch));
    }
    if (status)
        return status;
    g->w = mem_alloc_aligned(dnnl_memory_desc_get_size(&g->packed), 1);
    return g->w ? pack(g, w) : dnnl_out_of_memory;
}

int gemm_new(struct gemm **out, struct gemm_lib *lib, const float *w, int n, int k, struct err *err)
{
    struct gemm *g = mem_zalloc(1, sizeof *g);
    int threads = omp_get_max_threads();
    dnnl_status_t status;

    assert(n > 0 && k > 0);
    if (!g)
        return err_nomem(err);
    g->lib = lib;
    g->n = n;
    g->k = k;
    lib->widest_a = larger(lib->widest_a, (size_t)k);
    lib->widest_c = larger(lib->widest_c, (size_t)n);
    omp_set_num_threads(1);
    status = build(g, w);
    omp_set_num_threads(threads);
    if (status) {
        gemm_free(g);
        return lib_err(err, status, "prepare a matrix product");
    }
    *out = g;
    return 0;
}

void gemm_free(struct gemm *g)
{
    if (!g)
        return;
    for (int i = 0; i < N_TILES; i++)
        dnnl_primitive_destroy(g->tiles[i].primitive);
    dnnl_memory_destroy(g->w_memory);
    mem_free(g->w);
    mem_free(g);
}

int gemm_scratch_new(struct gemm_scratch **out, struct gemm_lib *lib, struct err *err)
{
    struct gemm_scratch *s = mem_zalloc(1, sizeof *s);
    dnnl_status_t status;

    if (!s)
        return err_nomem(err);
    s->lib = lib;
    s->n_bytes = lib->scratch_bytes;
    s->widest_a = lib->widest_a;
    s->widest_c = lib->widest_c;
    s->bytes = mem_alloc_aligned(s->n_bytes + 1, 1);
    s->a = mem_alloc_aligned(PAD_ROWS * s->widest_a, sizeof *s->a);
    s->c = mem_alloc_aligned(PAD_ROWS * s->widest_c, sizeof *s->c);
    if (!s->bytes || !s->a || !s->c) {
        gemm_scratch_free(s);
        return err_nomem(err);
    }
    status = dnnl_stream_create(&s->stream, lib->engine, dnnl_stream_default_flags);
    if (status) {
        gemm_scratch_free(s);
        return lib_err(err, status, "open a stream");
    }
    *out = s;
    return 0;
}

void gemm_scratch_free(struct gemm_scratch *s)
{
    if (!s)
        return;
    dnnl_stream_destroy(s->stream);
    mem_free(s->bytes);
    mem_free(s->a);
    mem_free(s->c);
    mem_free(s);
}

static dnnl_status_t run_tile(float *C, const struct gemm *g, const struct gemm_tile *t,
                              struct gemm_scratch *s, const float *A)
{
    dnnl_memory_t a = NULL, c = NULL, scratch = NULL;
    dnnl_engine_t engine = g->lib->engine;
    dnnl_status_t status;

    if ((status = dnnl_memory_create(&a, &t->a, engine, (void *)(uintptr_t)A)) ||
        (status = dnnl_memory_create(&c, &t->c, engine, C)) ||
        (status = dnnl_memory_create(&scratch, &t->scratch, engine, s->bytes)))
        goto done;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, a},
                                    {DNNL_ARG_WEIGHTS, g->w_memory},
                                    {DNNL_ARG_DST, c},
                                    {DNNL_ARG_SCRATCHPAD, scratch}};
    if (!(status = dnnl_primitive_execute(t->primitive, s->stream, 4, args)))
        status = dnnl_stream_wait(s->stream);
done:
    dnnl_memory_destroy(scratch);
    dnnl_memory_destroy(c);
    dnnl_memory_destroy(a);
    return status;
}

/* The last m < PAD_ROWS rows: through a copy, so that nothing past them is touched. */
static dnnl_status_t run_end(float *C, const struct gemm *g, struct gemm_scratch *s, const float *A,
                             int m)
{
    int tile = m <= tile_rows[N_TILES - 1] ? N_TILES - 1 : N_TILES - 2;
    const size_t n = (size_t)g->n, k = (size_t)g->k, rows = (size_t)m;
    dnnl_status_t status;

    memcpy(s->a, A, rows * k * sizeof *A);
    memset(s->a + rows * k, 0, ((size_t)tile_rows[tile] - rows) * k * sizeof *A);
    status = run_tile(s->c, g, &g->tiles[tile], s, s->a);
    if (!status)
        memcpy(C, s->c, rows * n * sizeof *C);
    return status;
}

int gemm_run(float *C, const struct gemm *g, struct gemm_scratch *s, const float *A, int m,
             struct err *err)
{
    int threads = omp_get_max_threads();
    dnnl_status_t status = dnnl_success;

    assert(s->lib == g->lib && s->n_bytes >= g->lib->scratch_bytes);
    assert(s->widest_a >= (size_t)g->k && s->widest_c >= (size_t)g->n);
    omp_set_num_threads(1);
    for (int i = 0; tile_rows[i] >= PAD_ROWS; i++)
        for (; m >= tile_rows[i] && !status; m -= tile_rows[i]) {
            status = run_tile(C, g, &g->tiles[i], s, A);
            A += (size_t)tile_rows[i] * (size_t)g->k;
            C += (size_t)tile_rows[i] * (size_t)g->n;
        }
    if (m > 0 && !status)
        status = run_end(C, g, s, A, m);
    omp_set_num_threads(threads);
    return status ? lib_err(err, status, "run a matrix product") : 0;
}
