/* A hash for order-independent checksums, and a histogram with logarithmic buckets. */
#ifndef STATS_H
#define STATS_H
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* 32 buckets per power of two of microseconds, up to 2^27 us (134 s). */
#define STEPS 32
#define BUCKETS (28 * STEPS)

struct histogram {
    uint64_t buckets[BUCKETS];
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The finalizer of splitmix64: sums of hashes distinguish sets of numbers. */
static uint64_t mix(uint64_t number)
{
    number += 0x9e3779b97f4a7c15u;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
    return number ^ (number >> 31);
}

/* Below 32 us a bucket is 1 us wide; histogram.py has the inverse. */
static unsigned bucket_of(uint64_t ns)
{
    uint64_t us = ns / 1000;
    if (us < STEPS)
        return (unsigned)us;
    unsigned power = 63u - (unsigned)__builtin_clzll(us);
    uint64_t step = (us >> (power - 5)) - STEPS;
    unsigned bucket = (power - 4) * STEPS + (unsigned)step;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static void note(struct histogram *histogram, uint64_t ns)
{
    histogram->buckets[bucket_of(ns)]++;
}

/* Print as JSON: [[bucket, count], ...]. */
static void print_histogram(const struct histogram *histogram)
{
    const char *comma = "";
    putchar('[');
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if (!histogram->buckets[bucket])
            continue;
        printf("%s[%u,%llu]", comma, bucket,
               (unsigned long long)histogram->buckets[bucket]);
        comma = ",";
    }
    putchar(']');
}
#endif
