//! How often a place is asked: by the clock, by the crowd, and while it is away.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::*;
use crate::source::Fetching;

/// Counts fetches; each waits for a ticket, and is answered with the number of the last rotation or with the cause that is set.
#[derive(Default)]
struct Place {
    fetches: AtomicUsize,
    rotations: AtomicUsize,
    lifetime: Mutex<Option<Duration>>,
    trouble: Mutex<Option<Cause>>,
    is_slow: AtomicBool,
    tickets: Option<Semaphore>,
}

struct Asked(Arc<Place>);

impl Source for Asked {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async move {
            self.0.fetches.fetch_add(1, Ordering::SeqCst);
            if let Some(tickets) = &self.0.tickets {
                tickets.acquire().await.unwrap().forget();
            }
            if self.0.is_slow.load(Ordering::SeqCst) {
                sleep(Duration::from_secs(10)).await;
            }
            if let Some(cause) = self.0.trouble.lock().unwrap().clone() {
                return Err(cause);
            }
            let lifetime = *self.0.lifetime.lock().unwrap();
            let value = format!("value {}", self.0.rotations.load(Ordering::SeqCst));
            Ok(Fetched { lifetime, ..Fetched::plain(&value)? })
        })
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn rotated(&self, rotation: &Rotation<'_>) {
        self.0.lock().unwrap().push(format!("rotated {}", rotation.credential));
    }

    fn missing(&self, missing: &Missing) {
        self.0.lock().unwrap().push(format!("missing {}", missing.code()));
    }

    fn recovered(&self, credential: &str) {
        self.0.lock().unwrap().push(format!("recovered {credential}"));
    }
}

struct Bench {
    place: Arc<Place>,
    slot: Arc<Slot>,
    notes: Arc<Notes>,
    /// Milliseconds by which the wall clock was set.
    set: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Place::default())
    }

    fn with(place: Place) -> Self {
        let place = Arc::new(place);
        let notes = Arc::<Notes>::default();
        let set = Arc::new(AtomicU64::new(1_000_000));
        let start = Instant::now();
        let clock: Clock = Arc::new({
            let set = Arc::clone(&set);
            move || set.load(Ordering::SeqCst) + u64::try_from(start.elapsed().as_millis()).unwrap()
        });
        let around = Surroundings { clock, observer: Arc::clone(&notes) as Arc<dyn Observer>, habits: Habits::default() };
        let slot = Arc::new(Slot::new("test".into(), Box::new(Asked(Arc::clone(&place))), around));
        Self { place, slot, notes, set }
    }

    async fn get(&self) -> Result<String, &'static str> {
        match self.slot.value(HOUR).await {
            Ok(kept) => Ok(kept.value.expose().to_owned()),
            Err(missing) => Err(missing.cause.code()),
        }
    }

    fn fetches(&self) -> usize {
        self.place.fetches.load(Ordering::SeqCst)
    }

    fn rotate(&self) {
        self.place.rotations.fetch_add(1, Ordering::SeqCst);
    }

    fn trouble(&self, cause: Option<Cause>) {
        *self.place.trouble.lock().unwrap() = cause;
    }

    fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.0.lock().unwrap())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the trouble of a bench may be none")]
fn away() -> Option<Cause> {
    Some(Cause::Unavailable { detail: "away".into() })
}

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_value_is_fetched_once_and_again_before_its_end() {
    let bench = Bench::new();
    assert_eq!(bench.get().await.unwrap(), "value 0");
    bench.rotate();
    sleep((55 * MINUTE).saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(bench.get().await.unwrap(), "value 0");
    assert_eq!(bench.fetches(), 1);
    sleep(Duration::from_millis(1)).await;
    // Nobody waits for the fetch: this caller still gets what is kept.
    assert_eq!(bench.get().await.unwrap(), "value 0");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(bench.get().await.unwrap(), "value 1");
    assert_eq!((bench.fetches(), bench.notes()), (2, vec!["rotated test".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_value_past_its_end_is_not_used() {
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.rotate();
    sleep(HOUR).await;
    assert_eq!(bench.get().await.unwrap(), "value 1");
    // What the place says about its life counts where it is shorter.
    *bench.place.lifetime.lock().unwrap() = Some(MINUTE);
    bench.rotate();
    sleep(HOUR).await;
    assert_eq!(bench.get().await.unwrap(), "value 2");
    bench.rotate();
    sleep(MINUTE).await;
    assert_eq!(bench.get().await.unwrap(), "value 3");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_makes_a_value_stale() {
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.rotate();
    bench.set.fetch_sub(5_000, Ordering::SeqCst);
    assert_eq!(bench.get().await.unwrap(), "value 1");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_away_is_asked_less_and_less_often() {
    let bench = Bench::new();
    bench.trouble(away());
    let began = Instant::now();
    while began.elapsed() < 10 * MINUTE {
        assert_eq!(bench.get().await, Err("unavailable"));
        sleep(Duration::from_millis(100)).await;
    }
    // One, two, four … thirty seconds, each up to half as long by chance.
    assert!((20..=50).contains(&bench.fetches()), "{}", bench.fetches());
    bench.trouble(None);
    sleep(LONGEST_WAIT).await;
    assert_eq!(bench.get().await.unwrap(), "value 0");
    assert_eq!(bench.notes().last().unwrap(), "recovered test");
}

#[tokio::test(start_paused = true)]
async fn a_value_outlives_its_end_only_while_its_place_is_away_and_not_for_long() {
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.trouble(away());
    sleep((65 * MINUTE).saturating_sub(Duration::from_secs(1))).await;
    assert_eq!(bench.get().await.unwrap(), "value 0");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.get().await, Err("unavailable"));
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.trouble(Some(Cause::NotFound));
    sleep(HOUR).await;
    assert_eq!(bench.get().await, Err("not_found"));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_place_that_is_known_to_be_away() {
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.trouble(away());
    sleep(HOUR).await;
    bench.get().await.unwrap();
    bench.place.is_slow.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(2)).await;
    let began = Instant::now();
    assert_eq!(bench.get().await.unwrap(), "value 0");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_is_fetched_anew_but_not_for_every_refusal() {
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.rotate();
    bench.slot.refuse(1);
    assert_eq!(bench.get().await.unwrap(), "value 1");
    // Somebody who still had the old one does not make the new one go.
    bench.slot.refuse(1);
    bench.get().await.unwrap();
    assert_eq!(bench.fetches(), 2);
    for _ in 0..100 {
        bench.slot.refuse(2);
        bench.get().await.unwrap();
    }
    assert_eq!(bench.fetches(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_is_not_used_even_while_its_place_is_away() {
    let bench = Bench::new();
    bench.get().await.unwrap();
    bench.trouble(away());
    bench.slot.refuse(1);
    assert_eq!(bench.get().await, Err("unavailable"));
}

#[tokio::test]
async fn a_thousand_cold_callers_are_one_fetch() {
    let bench = Arc::new(Bench::with(Place { tickets: Some(Semaphore::new(0)), ..Place::default() }));
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.get().await })
        })
        .collect();
    while bench.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    bench.place.tickets.as_ref().unwrap().add_permits(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), "value 0");
    }
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_go_away_at_random_wedge_nothing() {
    for round in 0..50_usize {
        let bench = Arc::new(Bench::with(Place { tickets: Some(Semaphore::new(0)), ..Place::default() }));
        let callers: Vec<_> = (0..40)
            .map(|_| {
                let bench = Arc::clone(&bench);
                tokio::spawn(async move { bench.get().await })
            })
            .collect();
        for (number, caller) in callers.iter().enumerate() {
            if (number * 7 + round * 13) % 3 != 0 {
                caller.abort();
            }
            if number == round {
                bench.place.tickets.as_ref().unwrap().add_permits(1);
            }
        }
        bench.place.tickets.as_ref().unwrap().add_permits(1);
        for caller in callers {
            if let Ok(outcome) = caller.await {
                assert_eq!(outcome.unwrap(), "value 0");
            }
        }
        assert_eq!(bench.get().await.unwrap(), "value 0");
        assert_eq!(bench.fetches(), 1, "the fetch went on without those who had begun it");
    }
}

#[tokio::test(start_paused = true)]
async fn while_somebody_listens_values_are_fetched_unasked_and_changes_are_told() {
    let bench = Bench::new();
    let mut changes = bench.slot.watch(MINUTE);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.fetches(), 1);
    sleep(10 * MINUTE).await;
    assert!((11..=13).contains(&bench.fetches()), "{}", bench.fetches());
    assert!(!changes.has_changed().unwrap(), "the same value again is no change");
    bench.rotate();
    let began = Instant::now();
    changes.changed().await.unwrap();
    assert!(began.elapsed() <= MINUTE);
    assert_eq!(*changes.borrow_and_update(), 2);
    drop(changes);
    sleep(MINUTE).await;
    let so_far = bench.fetches();
    sleep(HOUR).await;
    assert_eq!(bench.fetches(), so_far, "nobody listens any more");
}

#[tokio::test(start_paused = true)]
async fn a_listener_learns_of_a_place_that_comes_back() {
    let bench = Bench::new();
    bench.trouble(away());
    let mut changes = bench.slot.watch(MINUTE);
    sleep(5 * MINUTE).await;
    bench.trouble(None);
    sleep(MINUTE).await;
    assert_eq!(bench.get().await.unwrap(), "value 0");
    bench.rotate();
    bench.slot.refresh().await.unwrap();
    changes.changed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_forced_fetch_sees_what_was_written_before_it() {
    let bench = Arc::new(Bench::new());
    bench.get().await.unwrap();
    bench.place.is_slow.store(true, Ordering::SeqCst);
    let early = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.slot.refresh().await.map(|kept| kept.generation) })
    };
    sleep(Duration::from_secs(1)).await;
    bench.rotate();
    let kept = bench.slot.refresh().await.unwrap();
    assert_eq!(kept.value.expose(), "value 1");
    assert!(early.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_a_missing_credential_and_not_the_end() {
    struct Panics(AtomicUsize);
    impl Source for Panics {
        fn fetch(&self) -> Fetching<'_> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { if number == 0 { panic!("on purpose") } else { Fetched::plain("value") } })
        }
    }
    let around = Surroundings { clock: Arc::new(|| 0), observer: Arc::new(Notes::default()), habits: Habits::default() };
    let slot = Arc::new(Slot::new("test".into(), Box::new(Panics(AtomicUsize::new(0))), around));
    assert_eq!(slot.value(HOUR).await.unwrap_err().code(), "unavailable");
    assert_eq!(slot.value(HOUR).await.unwrap().value.expose(), "value");
}
