//! Does work end, stop and queue as it should?

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use super::*;

fn workers() -> Arc<Workers> {
    Arc::new(Workers::default())
}

#[tokio::test]
async fn an_answer_comes_back() {
    assert_eq!(workers().run(std::future::pending(), |_| Ok(7)).await, Some(Ok(7)));
}

#[tokio::test]
async fn a_panic_in_one_job_leaves_the_others() {
    let workers = workers();
    assert_eq!(workers.run::<()>(std::future::pending(), |_| panic!("in a test")).await, None);
    for number in 0..2 * MOST_WORKING {
        assert_eq!(workers.run(std::future::pending(), move |_| Ok(number)).await, Some(Ok(number)));
    }
}

/// A job that works until it is told to stop, and says so.
fn endless(stopped: mpsc::Sender<Refusal>) -> impl FnOnce(&Stop) -> Result<(), Refusal> + Send {
    move |stop| {
        loop {
            if let Err(refusal) = stop.check() {
                stopped.send(refusal.clone()).unwrap();
                return Err(refusal);
            }
            std::thread::yield_now();
        }
    }
}

#[tokio::test]
async fn a_cancelled_job_stops() {
    let (stopped, when_stopped) = mpsc::channel();
    let cancelled = tokio::time::sleep(Duration::from_millis(20));
    assert_eq!(workers().run(cancelled, endless(stopped)).await, Some(Err(Refusal::Cancelled)));
    assert_eq!(when_stopped.recv_timeout(SOON), Ok(Refusal::Cancelled));
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_told_to_stop() {
    let (stopped, when_stopped) = mpsc::channel();
    let (started, when_started) = mpsc::channel();
    let workers = workers();
    let job = endless(stopped);
    let call = tokio::spawn(async move {
        workers
            .run(std::future::pending(), move |stop| {
                started.send(()).unwrap();
                job(stop)
            })
            .await
    });
    tokio::task::spawn_blocking(move || when_started.recv_timeout(SOON)).await.unwrap().unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(CALL_SECONDS + 1)).await;
    assert_eq!(call.await.unwrap(), Some(Err(Refusal::TimedOut)));
    assert_eq!(when_stopped.recv_timeout(SOON), Ok(Refusal::Cancelled));
}

#[tokio::test]
async fn only_so_many_work_at_a_time_and_so_many_wait() {
    let workers = workers();
    let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let open = Arc::new(AtomicBool::new(false));
    let calls: Vec<_> = (0..MOST_WAITING)
        .map(|_| {
            let (workers, working, most, open) = (workers.clone(), working.clone(), most.clone(), open.clone());
            tokio::spawn(async move {
                let job = move |_: &Stop| {
                    most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    while !open.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    working.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                workers.run(std::future::pending(), job).await
            })
        })
        .collect();
    while workers.waiting.available_permits() > 0 || working.load(Ordering::SeqCst) < MOST_WORKING {
        tokio::task::yield_now().await;
    }
    assert_eq!(workers.run(std::future::pending(), |_| Ok(())).await, Some(Err(Refusal::Busy)));
    open.store(true, Ordering::SeqCst);
    for call in calls {
        assert_eq!(call.await.unwrap(), Some(Ok(())));
    }
    assert_eq!(most.load(Ordering::SeqCst), MOST_WORKING);
    assert_eq!(workers.run(std::future::pending(), |_| Ok(())).await, Some(Ok(())));
}

const SOON: Duration = Duration::from_secs(10);
