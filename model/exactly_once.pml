// SPDX-License-Identifier: Apache-2.0
// The checkpoint protocol, small enough to be searched whole. docs/exactly-once.md says it in words; scripts/model runs it.
//
// RUNS starts of one pipeline work on one store, at the same time and without a lock: a restart, a twin, and a zombie are
// the same here, for any process may pause anywhere for as long as it likes, and all but those of the last run may die
// anywhere. A run is two processes: the root sink, which decides, and a side sink, which also plays the source (it cuts).
//
// The input is RECORDS records, an epoch takes one or two. A record is one chunk in a sink; the side sink has none for
// record 1, so that it has epochs without a spool. KEEP is 1, the hardest: numbers vanish as early as they can.
//
// What must hold:
//   - no record is visible twice in a sink, and none before the manifest that decides it (visible())
//   - no effect of a generation after a later one has fenced the sink (visible())
//   - a start finds each sink's cursor where the manifest lets it be, and every spool that it needs (fence(), apply())
//   - who ends well has all records in its sink (complete())
//   - nobody waits for ever (no invalid end state)
// A death needs no search of its own for the first four: a process that is dead takes no steps, as one that pauses for ever.
//
// A guard is taken out by its -D flag; scripts/model lists them, and what spin must then find.

#ifndef RUNS
#define RUNS 2
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#define KEEP 1
#define NUMBERS (RUNS + RECORDS + 3)

#define ROOT 0
#define SIDE 1

// The chunks of records a to b - 1, the record that a chunk is of, and where a cursor stands behind it.
#define CHUNKS(s, a, b) ((b) - (a) - ((s) == SIDE && (a) <= 1 && (b) > 1))
#define RECORD(s, a, c) ((a) + (c) - 1 + ((s) == SIDE && (a) <= 1 && (a) + (c) > 1))
#define AT(ep, c) ((ep) * 4 + (c))
#define BIT(who, ep) (1 << ((who) * NUMBERS + (ep)))

// How the acks of an epoch are told from those of others: by its number, which is that of its manifest.
#ifdef ACKS_WITHOUT_NUMBER
#define NAME(number, from) ((from) + 1)
#else
#define NAME(number, from) (number)
#endif

typedef Manifest {
  byte gen;   // 0: there is none of this number
  byte by;    // who published it
  byte from;  // records from..pos - 1 are in its spools
  byte pos;   // where the source goes on
  byte ep;    // the spools are spool/<owner>/<ep>/<sink>; a start's manifest has those of the one it copies
  byte owner;
  byte first[2], last[2];  // where a sink's cursor may stand
  bool reset;              // the cursors are to be set, whatever they are: --fresh, and nothing acknowledged since
  bool durable;
}

// The store.
Manifest m[NUMBERS];
byte top;           // the highest number there is: what a listing tells
int spool[2];       // which there are, by BIT
byte cut[RUNS];     // the barrier: where the undecided epoch ends
byte cut_ep[RUNS];
byte acked[RUNS + 1];  // ack/<run>/<ep>/<side>: the last
byte marker[RUNS];  // restore/<run>

// The sinks' own stores: the cursor, its generation, and how often each record is visible.
byte gen_of[2], cursor[2];
byte seen[2 * RECORDS];

// What only the checks know.
int decided;          // spools that a manifest has named when it was the highest, by BIT
byte fenced_by[2];    // the highest generation that has fenced
byte started;         // runs that have begun
bool dead[RUNS];      // a member has died or given up: the others notice, for their pipes break
bool gone[RUNS];      // loss of power: all are dead at once

#define MAY_DIE (r < RUNS - 1)
#ifdef DEATH_UNNOTICED
#define NOTICED false
#else
#define NOTICED dead[r]
#endif
#ifdef POWER
#define UP !gone[r]
#define LEAVE :: gone[r] -> goto out
#else
#define UP true
#define LEAVE
#endif
// One step of a process: nothing else happens during it, and the process may die before it.
#define STEP(what) atomic { if :: UP -> what :: UP && MAY_DIE -> goto out LEAVE fi }

#define SYNC d_step { for (i : 1 .. NUMBERS - 1) { if :: m[i].gen != 0 -> m[i].durable = true :: else fi } i = 0 }

inline publish(number) {
  d_step {
    m[number].gen = g; m[number].by = r; m[number].from = a; m[number].pos = b; m[number].ep = ep; m[number].owner = owner;
    m[number].first[ROOT] = first[ROOT]; m[number].last[ROOT] = last[ROOT];
    m[number].first[SIDE] = first[SIDE]; m[number].last[SIDE] = last[SIDE];
    m[number].reset = reset; m[number].durable = false;
    if :: number > top -> top = number; decided = decided | BIT(owner, ep) :: else fi
  }
}

inline forget(number) {
  m[number].gen = 0; m[number].by = 0; m[number].from = 0; m[number].pos = 0; m[number].ep = 0; m[number].owner = 0;
  m[number].first[ROOT] = 0; m[number].last[ROOT] = 0; m[number].first[SIDE] = 0; m[number].last[SIDE] = 0;
  m[number].reset = false; m[number].durable = false
}

// The sink's store refuses an older generation and else writes ours, in one act.
inline fence(s) {
  if
#ifndef FENCE_ACCEPTS_OLDER
  :: gen_of[s] > g -> goto out
#endif
  :: else ->
    if
    :: reset ->
      // Whoever starts over with --fresh empties the sink; from then on each record must come once.
      d_step {
        if
#ifndef RESET_SKIPS_SPOOL
        :: first[s] <= cursor[s] && cursor[s] <= last[s]
#endif
        :: else ->
#ifdef FRESH
          for (i : 0 .. RECORDS - 1) { seen[s * RECORDS + i] = 0 }
          i = 0;
#endif
          cursor[s] = last[s]
        fi
      }
    :: else -> assert(first[s] <= cursor[s] && cursor[s] <= last[s])
    fi;
    gen_of[s] = g; reset = false;
    if :: g > fenced_by[s] -> fenced_by[s] = g :: else fi
  fi
}

inline visible(s, record) {
#ifndef NO_OLDER_EFFECT_CHECK
  assert(g >= fenced_by[s]);
#endif
  assert(decided & BIT(owner, ep));
  assert(seen[s * RECORDS + record] == 0);
  seen[s * RECORDS + record]++
}

// Chunk c of the spool: with the cursor, both or neither.
#if defined(NO_GENERATION_IN_CURSOR)
#define OLDER(s) false
#else
#define OLDER(s) (gen_of[s] != g)
#endif
#ifdef CURSOR_IGNORED
#define PAST(s) false
#else
#define PAST(s) (cursor[s] >= AT(ep, c))
#endif
#define BEFORE(s) (c == 1 -> first[s] : AT(ep, c - 1))

inline apply(s) {
  c = 1;
  do
  :: atomic { c <= CHUNKS(s, a, b) ->
      if :: UP -> skip :: UP && MAY_DIE -> goto out LEAVE fi;
      assert(PAST(s) || OLDER(s) || (spool[s] & BIT(owner, ep)));
      if
      :: OLDER(s) -> goto out
      :: !OLDER(s) && PAST(s) -> skip
      :: else ->
#ifndef CURSOR_IGNORED
        assert(cursor[s] == BEFORE(s));
#endif
        visible(s, RECORD(s, a, c));
#ifndef CHUNK_WITHOUT_CURSOR
        cursor[s] = AT(ep, c)
#endif
      fi;
#ifndef CHUNK_WITHOUT_CURSOR
      c++
#endif
    };
#ifdef CHUNK_WITHOUT_CURSOR
    STEP(cursor[s] = AT(ep, c); c++)
#endif
  :: c > CHUNKS(s, a, b) -> c = 0; break
  od
}

inline next_epoch(s) {
  a = b; b = cut[r]; ep = n + 1; owner = r;
  first[s] = last[s];
  if :: CHUNKS(s, a, b) > 0 -> last[s] = AT(ep, CHUNKS(s, a, b)) :: else fi
}

inline barrier() {
  if :: cut[r] = b + 1 :: b + 2 <= RECORDS -> cut[r] = b + 2 fi;
  cut_ep[r] = n + 1
}

inline complete(s) {
  d_step { for (i : 0 .. RECORDS - 1) { assert(gen_of[s] != g || seen[s * RECORDS + i] == (s == ROOT || i != 1)) } i = 0 }
}

proctype Root(byte r) {
  byte n, g, a, b, ep, owner, c, i;
  byte first[2], last[2];
  bool reset;
  int garbage;

  // A start. The lock is not here: whatever it is good for, nothing may depend on it.
  atomic { started >= r -> started++ };
begin:
  STEP(d_step {
    n = top; g = m[n].gen + 1; a = m[n].from; b = m[n].pos; ep = m[n].ep; owner = m[n].owner;
    first[ROOT] = m[n].first[ROOT]; last[ROOT] = m[n].last[ROOT];
    first[SIDE] = m[n].first[SIDE]; last[SIDE] = m[n].last[SIDE];
#ifdef RESET_NOT_INHERITED
    reset = (n == 0);
#else
    reset = (n == 0 || m[n].reset);
#endif
#ifdef FROM_NEWEST
    if :: n > 0 && r == 1 -> reset = true :: else fi;
#endif
#ifdef FRESH
    if
    :: r == 0 -> a = 0; b = 0; ep = 0; owner = 0; first[ROOT] = 0; last[ROOT] = 0; first[SIDE] = 0; last[SIDE] = 0; reset = true
    :: else
    fi;
#endif
    skip
  });
#ifndef PUT_NOT_EXCLUSIVE
  STEP(if :: m[n + 1].gen == 0 -> publish(n + 1); n++ :: else -> goto begin fi);
#else
  STEP(publish(n + 1); n++);
#endif
#ifdef POWER
  STEP(SYNC);
#endif
#ifndef NO_LOOK_AT_START
  STEP(if :: top != n -> goto out :: else fi);  // the number was free because its manifest is garbage collected
#endif
#ifdef MARKER_BEFORE_FENCE
  STEP(marker[r] = n);
#endif
  STEP(fence(ROOT));
  apply(ROOT);
  STEP(marker[r] = n);

  do
  :: b < RECORDS ->
    // Everybody's word for the epoch; the root's own is its spool.
    atomic {
      if
#if defined(DECIDE_BEFORE_ACKS)
      :: UP && cut_ep[r] == n + 1 ->
#elif defined(ACKS_OF_OTHER_RUNS)
      :: UP && cut_ep[r] == n + 1 && (acked[0] == NAME(n + 1, b) || acked[1] == NAME(n + 1, b) || acked[RUNS] == NAME(n + 1, b)) ->
#else
      :: UP && acked[r] >= NAME(n + 1, b) ->
#endif
        first[SIDE] = last[SIDE];
        if :: CHUNKS(SIDE, b, cut[r]) > 0 -> last[SIDE] = AT(n + 1, CHUNKS(SIDE, b, cut[r])) :: else fi;
        next_epoch(ROOT);
        spool[ROOT] = spool[ROOT] | BIT(r, n + 1)
      :: UP && NOTICED -> goto out
      :: UP && MAY_DIE -> goto out
      LEAVE
      fi
    };
#ifndef PUT_NOT_EXCLUSIVE
    STEP(if :: m[n + 1].gen == 0 -> publish(n + 1); n++ :: else -> goto out fi);
#else
    STEP(publish(n + 1); n++);
#endif
#ifdef POWER
    STEP(SYNC);
#endif
#ifndef NO_LOOK_AT_DECISION
    STEP(if :: top != n -> goto out :: else fi);
#endif
    apply(ROOT);
    // Garbage: chosen from a listing, removed later.
    STEP(d_step {
      garbage = ~0; c = top;
      for (i : 1 .. NUMBERS - 1) {
        if :: m[i].gen != 0 && i + KEEP > c -> garbage = garbage & ~BIT(m[i].owner, m[i].ep) :: else fi
      }
#ifndef COLLECT_LATER_EPOCHS
      for (i : n .. NUMBERS - 1) {
        garbage = garbage & ~BIT(0, i) & ~BIT(1, i) & ~BIT(RUNS - 1, i) & ~BIT(RUNS, i)
      }
#endif
      i = 0
    });
    STEP(d_step {
      for (i : 1 .. NUMBERS - 1) { if :: i + KEEP <= c -> forget(i) :: else fi }
      i = 0; c = 0;
      spool[ROOT] = spool[ROOT] & ~garbage; spool[SIDE] = spool[SIDE] & ~garbage; garbage = 0;
#ifdef COLLECT_MARKERS
      for (i : 0 .. RUNS - 1) { if :: i != r -> marker[i] = 0 :: else fi }
      i = 0;
#endif
      skip
    })
  :: else -> break
  od;
  atomic { complete(ROOT); goto well };
out:
  dead[r] = true;
well:
  atomic { skip; d_step { n = 0; g = 0; a = 0; b = 0; ep = 0; owner = 0; c = 0; first[0] = 0; first[1] = 0; last[0] = 0; last[1] = 0; reset = false; garbage = 0 } }
}

proctype Side(byte r) {
  byte n, g, a, b, ep, owner, c, i;
  byte first[2], last[2];
  bool reset;

  atomic {
    if
    :: UP && marker[r] != 0 -> n = marker[r]
    :: UP && NOTICED -> goto out
    :: UP && MAY_DIE -> goto out
    LEAVE
    fi
  };
  STEP(
    if
    :: m[n].gen != 0 && m[n].by == r ->
      d_step {
        g = m[n].gen; a = m[n].from; b = m[n].pos; ep = m[n].ep; owner = m[n].owner;
        first[SIDE] = m[n].first[SIDE]; last[SIDE] = m[n].last[SIDE]; reset = m[n].reset
      }
    :: else -> goto out  // garbage collected: a later generation is far ahead
    fi
  );
  STEP(fence(SIDE));
  apply(SIDE);

  do
  :: b < RECORDS ->
#ifdef ACK_BEFORE_APPLIED
    STEP(if :: cut_ep[r] == n + 1 -> skip :: else -> barrier() fi; next_epoch(SIDE));
#else
    STEP(barrier(); next_epoch(SIDE));
#endif
#ifdef ACK_BEFORE_SPOOL
    STEP(acked[r] = NAME(n + 1, a));
#endif
    STEP(n++; spool[SIDE] = spool[SIDE] | BIT(r, n); acked[r] = NAME(n, a));
#ifdef LOOK_BEFORE_DECISION
    STEP(if :: m[top].gen != g -> goto out :: else fi);
#endif
    atomic {
      if
#ifdef DECISION_OF_ANY_RUN
      :: UP && m[n].gen != 0 -> skip
#else
      :: UP && m[n].gen != 0 && m[n].by == r -> skip
      :: UP && m[n].gen != 0 && m[n].by != r -> goto out
#endif
#ifndef NO_LOOK_WHILE_WAITING
      :: UP && m[n].gen == 0 && top > n -> goto out
#endif
      :: UP && m[n].gen == 0 && NOTICED -> goto out
      :: UP && MAY_DIE -> goto out
      LEAVE
      fi
    };
#if defined(POWER) && !defined(DECISION_NOT_SYNCED)
    STEP(SYNC);
#endif
#if !defined(NO_LOOK_AT_DECISION) && !defined(LOOK_BEFORE_DECISION)
    STEP(if :: m[top].gen != g -> goto out :: else fi);
#endif
#ifdef ACK_BEFORE_APPLIED
    STEP(if :: b < RECORDS -> barrier(); spool[SIDE] = spool[SIDE] | BIT(r, n + 1); acked[r] = n + 1 :: else fi);
#endif
    apply(SIDE)
  :: else -> break
  od;
  atomic { complete(SIDE); goto well };
out:
  dead[r] = true;
well:
  atomic { skip; d_step { n = 0; g = 0; a = 0; b = 0; ep = 0; owner = 0; c = 0; first[0] = 0; first[1] = 0; last[0] = 0; last[1] = 0; reset = false } }
}

#ifdef POWER
// Once, before the last run begins: every other process is gone, and so is what was not synced.
proctype Power() {
  byte i;
  if
  :: d_step { started < RUNS ->
      top = 0;
      for (i : 1 .. NUMBERS - 1) {
        if :: m[i].gen != 0 && !m[i].durable -> forget(i) :: else fi;
        if :: m[i].gen != 0 -> top = i :: else fi
      }
      for (i : 0 .. RUNS - 2) { gone[i] = true }
      i = 0
    }
  :: started == RUNS
  fi
}
#endif

init {
  byte r;
  atomic {
#ifdef FRESH
    // Somebody has run before: record 0 is in both sinks. Run 0 is started with --fresh, run 1 is not.
    m[1].gen = 1; m[1].by = RUNS; m[1].pos = 1; m[1].ep = 1; m[1].owner = RUNS;
    m[1].last[ROOT] = AT(1, 1); m[1].last[SIDE] = AT(1, 1); m[1].durable = true;
    top = 1; decided = BIT(RUNS, 1); gen_of[ROOT] = 1; gen_of[SIDE] = 1; cursor[ROOT] = AT(1, 1); cursor[SIDE] = AT(1, 1);
    spool[ROOT] = BIT(RUNS, 1); spool[SIDE] = BIT(RUNS, 1);
    seen[ROOT * RECORDS] = 1; seen[SIDE * RECORDS] = 1;
#endif
#ifdef LEFTOVER
    // Somebody has begun before, and has left an ack of an epoch that was never decided.
    m[1].gen = 1; m[1].by = RUNS; m[1].owner = RUNS; m[1].reset = true; m[1].durable = true;
    top = 1; gen_of[ROOT] = 1; gen_of[SIDE] = 1; acked[RUNS] = NAME(2, 0);
#endif
    for (r : 0 .. RUNS - 1) { run Root(r); run Side(r) }
#ifdef POWER
    run Power()
#endif
  }
}
