#include "metrics/slot_owner.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/slot.h"

enum {
    SLOTS = 64 /* of one owner */
};

/* An owner and its slots, one behind the other. */
typedef struct {
    SlotOwner owner;
    Slot slots[SLOTS];
} Maker;

static void maker_init(Maker *maker)
{
    memset(maker, 0, sizeof *maker);
    maker->owner.begin = (const char *)maker->slots;
    maker->owner.end = (const char *)(maker->slots + SLOTS);
}

static void test_whose_slot_it_is(void **state)
{
    (void)state;
    Maker makers[2]; /* the slots of the first end before those of the second begin */
    maker_init(&makers[0]);
    maker_init(&makers[1]);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_true(slot_owner_has(&makers[0].owner, &makers[0].slots[i]));
        assert_false(slot_owner_has(&makers[1].owner, &makers[0].slots[i]));
        assert_true(slot_owner_has(&makers[1].owner, &makers[1].slots[i]));
        assert_false(slot_owner_has(&makers[0].owner, &makers[1].slots[i]));
    }
    makers[0].owner.end = (const char *)(makers[0].slots + 1);
    assert_true(slot_owner_has(&makers[0].owner, &makers[0].slots[0]));
    assert_false(slot_owner_has(&makers[0].owner, &makers[0].slots[1]));
    makers[0].owner.begin = makers[0].owner.end;
    assert_false(slot_owner_has(&makers[0].owner, &makers[0].slots[0]));
    assert_false(slot_owner_has(&makers[0].owner, &makers[0].slots[1]));
}

/* => a bit for each of the three that is in the list; they must be there once. */
static unsigned listed(const SlotOwner *owners, const Maker *makers)
{
    unsigned bits = 0;
    for (; owners != NULL; owners = owners->next) {
        for (unsigned i = 0; i < 3; i++) {
            if (owners == &makers[i].owner) {
                assert_int_equal(0, bits & 1U << i);
                bits |= 1U << i;
            }
        }
    }
    return bits;
}

static void test_owners_come_and_go(void **state)
{
    (void)state;
    Maker makers[3];
    /* Each one leaves first once: the latest, the one in the middle, the first. */
    for (unsigned first = 0; first < 3; first++) {
        SlotOwner *owners = NULL;
        unsigned bits = 0;
        for (unsigned i = 0; i < 3; i++) {
            maker_init(&makers[i]);
            slot_owner_exit(&owners, &makers[i].owner); /* not in it: nothing happens */
            slot_owner_enter(&owners, &makers[i].owner);
            bits |= 1U << i;
            assert_int_equal(bits, listed(owners, makers));
        }
        for (unsigned i = 0; i < 3; i++) {
            slot_owner_exit(&owners, &makers[(first + i) % 3].owner);
            bits &= ~(1U << (first + i) % 3);
            assert_int_equal(bits, listed(owners, makers));
            for (unsigned k = 0; k < 3; k++) { /* who is left is found */
                if ((bits & 1U << k) == 0)
                    continue;
                slot_owner_return(owners, &makers[k].slots[i]);
                assert_ptr_equal(&makers[k].slots[i], slot_owner_take(&makers[k].owner));
            }
        }
        assert_null(owners);
    }
}

static void test_each_slot_goes_to_its_maker(void **state)
{
    (void)state;
    Maker makers[3];
    SlotOwner *owners = NULL;
    for (size_t m = 0; m < 3; m++) {
        maker_init(&makers[m]);
        slot_owner_enter(&owners, &makers[m].owner);
        assert_null(slot_owner_take(&makers[m].owner));
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < SLOTS; i++) {
            for (size_t m = 0; m < 3; m++)
                slot_owner_return(owners, &makers[m].slots[i]);
        }
        for (size_t m = 0; m < 3; m++) {
            bool seen[SLOTS] = {false};
            size_t count = 0;
            for (const Slot *s = slot_owner_take(&makers[m].owner); s != NULL; s = s->next) {
                assert_true(slot_owner_has(&makers[m].owner, s));
                assert_false(seen[s - makers[m].slots]);
                seen[s - makers[m].slots] = true;
                count++;
            }
            assert_int_equal(SLOTS, count);
            assert_null(slot_owner_take(&makers[m].owner));
        }
    }
}

/* ---- two owners' threads, and one that gives back to both ----
 *
 * Each owner hands its slots out through a ring, as often as they come back, and finds in them what
 * the other thread has written there: `touched`, which no atomic guards but the one that is tried. */

enum {
    ROUNDS = 30000 /* of each slot on average */
};

typedef struct {
    Maker maker;
    Slot *ring[SLOTS];
    _Atomic uint32_t out; /* handed out so far */
    uint32_t answered;    /* by the one who gives back */
    bool is_out[SLOTS];   /* the owner knows */
    uint32_t home;        /* slots that are not out */
    uint64_t wrong;
} Circle;

typedef struct {
    Circle circles[2];
    SlotOwner *owners;
} Race;

static uint32_t answer_to(uint32_t question)
{
    return question * 2654435761U + 1;
}

static void hand_out(Circle *c, uint32_t i, uint32_t *number)
{
    c->is_out[i] = true;
    c->home--;
    c->maker.slots[i].touched = *number;
    c->ring[*number % SLOTS] = &c->maker.slots[i];
    /* release: pairs with the acquire in give_back_some(). */
    atomic_store_explicit(&c->out, ++*number, memory_order_release);
}

static void *own(void *argument)
{
    Circle *c = argument;
    uint32_t number = 0;
    uint32_t asked[SLOTS] = {0};
    for (uint32_t i = 0; i < SLOTS; i++) {
        asked[i] = number;
        hand_out(c, i, &number);
    }
    while (number < SLOTS * ROUNDS || c->home < SLOTS) {
        Slot *slot = slot_owner_take(&c->maker.owner);
        if (slot == NULL)
            (void)sched_yield();
        while (slot != NULL) {
            Slot *next = slot->next;
            uint32_t i = (uint32_t)(slot - c->maker.slots);
            c->wrong += !c->is_out[i] || slot->touched != answer_to(asked[i]);
            c->is_out[i] = false;
            c->home++;
            asked[i] = number;
            if (number < SLOTS * ROUNDS)
                hand_out(c, i, &number);
            slot = next;
        }
    }
    return NULL;
}

/* => whether there was anything to give back. */
static bool give_back_some(Race *race, Circle *c)
{
    /* acquire: pairs with the release in hand_out(). */
    uint32_t out = atomic_load_explicit(&c->out, memory_order_acquire);
    bool any = c->answered != out;
    while (c->answered != out) {
        Slot *slot = c->ring[c->answered++ % SLOTS];
        slot->touched = answer_to(slot->touched);
        slot_owner_return(race->owners, slot);
    }
    return any;
}

static void test_two_threads_get_theirs_back(void **state)
{
    (void)state;
    Race *race = calloc(1, sizeof *race);
    assert_non_null(race);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        maker_init(&race->circles[i].maker);
        race->circles[i].home = SLOTS;
        slot_owner_enter(&race->owners, &race->circles[i].maker.owner);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, own, &race->circles[i]));
    while (race->circles[0].answered < SLOTS * ROUNDS ||
           race->circles[1].answered < SLOTS * ROUNDS) {
        bool any = give_back_some(race, &race->circles[0]);
        if (!give_back_some(race, &race->circles[1]) && !any)
            (void)sched_yield();
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(0, pthread_join(threads[i], NULL));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(0, race->circles[i].wrong);
        assert_int_equal(SLOTS, race->circles[i].home);
        assert_null(slot_owner_take(&race->circles[i].maker.owner));
    }
    free(race);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_slot_it_is),
        cmocka_unit_test(test_owners_come_and_go),
        cmocka_unit_test(test_each_slot_goes_to_its_maker),
        cmocka_unit_test(test_two_threads_get_theirs_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
