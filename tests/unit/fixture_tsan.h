/* FIXTURE_TSAN: 1 under the thread sanitizer, which gcc and clang tell in different ways; else 0. */
#ifndef TESTS_UNIT_FIXTURE_TSAN_H
#define TESTS_UNIT_FIXTURE_TSAN_H

#if defined(__SANITIZE_THREAD__)
#define FIXTURE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIXTURE_TSAN 1
#endif
#endif
#ifndef FIXTURE_TSAN
#define FIXTURE_TSAN 0
#endif

#endif
