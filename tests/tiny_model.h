/* tiny_model.h -- models small enough to be made by the tests that need one. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TINY_MODEL_H
#define TESTS_TINY_MODEL_H

/* A BERT of 2 layers, 32 dimensions, 2 heads, 64 inner, 48 positions, with a vocabulary of letters and a
 * few words (all of TINY_WORDS), mean pooling and normalisation, written into the existing folder `dir`.
 * The same seed gives the same weights. */
enum { TINY_DIM = 32, TINY_LAYERS = 2, TINY_HEADS = 2, TINY_INNER = 64, TINY_POSITIONS = 48 };
void tiny_model_write(const char *dir, unsigned seed, const char *weight_prefix);

/* The same network without modules.json and with a masked-LM head ("bert." before the other weights): a learned
 * sparse model. */
void tiny_splade_write(const char *dir, unsigned seed);

/* The same with a pooler and a classifier of one label or two ("bert." before the other weights): a cross-encoder. */
void tiny_cross_write(const char *dir, unsigned seed, int n_labels);

/* Writes text to dir/name; makes the one folder in name if it has a '/'. */
void folder_put(const char *dir, const char *name, const char *text);

#endif
