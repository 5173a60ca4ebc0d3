#include "indexer/vectors.h"
#include "indexer/segment.h"
int vectors_check(const char *factory, int dim, struct err *err) { (void)factory, (void)dim; return err_set(err, E_INVALID, "vectors: not built yet"); }
int vectors_begin(struct vectors_writer *w, struct store *st, int64_t segment, const char *factory,
                  int dim, size_t n, struct err *err) { (void)w; (void)st; (void)segment; (void)factory; (void)dim; (void)n; return err_set(err, E_INVALID, "vectors: not built yet"); }
void vectors_put(struct vectors_writer *w, const float *rows, size_t k) { (void)w; (void)rows; (void)k; }
int vectors_end(struct vectors_writer *w, struct segment_row *row, int failed) { (void)w; (void)row; return failed; }
void vectors_close(struct vectors *v) { (void)v; }
int segment_nearest(uint32_t *passages, float *scores, size_t *n, struct segment *s,
                    const float *query, size_t k, struct err *err) { (void)passages;(void)scores;(void)n;(void)s;(void)query;(void)k; return err_set(err, E_INVALID, "vectors: not built yet"); }
int segment_vector(float *out, struct segment *s, uint32_t passage, struct err *err) { (void)out;(void)s;(void)passage; return err_set(err, E_INVALID, "vectors: not built yet"); }
