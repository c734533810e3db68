//! Is a failing disk noticed, said, survived, and never the reason for a broken line?

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::*;
use crate::chain::{End, Sealed};

#[test]
fn a_full_disk_is_said() {
    let place = Place::new();
    let mut log = opening::open(place.options(), NOON).unwrap();
    log.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    log.names.live = PathBuf::from("/dev/full");
    let auditor = Auditor::over(log, Durability::None, OnFull::Block, 4).unwrap();
    assert!(auditor.health().is_ok());

    auditor.record(&call(1)).unwrap();
    eventually(|| auditor.health().is_err());
    let reason = auditor.health().unwrap_err();
    assert!(matches!(&reason, Reason::NotWritten { source, .. } if source.kind() == io::ErrorKind::StorageFull));
    assert_eq!(reason.to_string(), "cannot write to `/dev/full`");

    // What waits is bounded, and nobody who records is held up by a log that cannot be written.
    let taken = (0..100).filter(|number| auditor.record(&call(*number)).is_ok()).count();
    assert!(taken <= 4);
    assert_eq!(auditor.lost(), 100 - taken as u64);
    assert!(auditor.flush().is_err());
    assert!(auditor.close().is_err());
}

#[test]
fn a_file_deleted_or_moved_under_the_writer_is_said_and_nothing_goes_to_nowhere() {
    let place = Place::new();
    let auditor = place.start();
    auditor.record(&call(1)).unwrap();
    auditor.flush().unwrap();

    fs::rename(&place.path, place.file("moved")).unwrap();
    auditor.record(&call(2)).unwrap();
    eventually(|| auditor.health().is_err());
    assert!(matches!(auditor.health(), Err(Reason::Replaced { path }) if path == place.path));
    assert_eq!(lines(&place.file("moved")).len(), 1);

    fs::rename(place.file("moved"), &place.path).unwrap();
    eventually(|| auditor.health().is_ok());
    auditor.record(&call(3)).unwrap();
    auditor.close().unwrap();
    let report = verify(&place.path).unwrap();
    assert_eq!((report.lines, report.notices.len()), (3, 0));
}

#[test]
fn a_removed_folder_is_said() {
    let place = Place::new();
    let path = place.file("audit/mcp_calls.jsonl");
    let auditor = Auditor::start(Options::at(&path), NOON).unwrap();
    fs::remove_dir_all(place.file("audit")).unwrap();
    auditor.record(&call(1)).unwrap();
    eventually(|| auditor.health().is_err());
    assert!(auditor.close().is_err());
}

#[test]
fn records_that_found_no_room_are_counted_in_the_log() {
    let place = Place::new();
    let auditor = Auditor::start(Options { queue: 4, on_full: OnFull::Refuse, ..place.options() }, NOON).unwrap();
    fs::rename(&place.path, place.file("moved")).unwrap();
    auditor.record(&call(0)).unwrap();
    eventually(|| auditor.health().is_err());
    let refused = (1..20).filter(|number| auditor.record(&call(*number)) == Err(NotRecorded::Full)).count();
    assert!(refused > 0);

    fs::rename(place.file("moved"), &place.path).unwrap();
    eventually(|| auditor.health().is_ok());
    auditor.close().unwrap();
    let told = entries(&place.path).into_iter().find(|entry| entry.event == "records.lost").unwrap();
    assert!(told.line.contains(&format!(r#""count":{refused},"#)));
    let report = verify(&place.path).unwrap();
    assert_eq!(report.lines, 20 - refused as u64 + 1);
    assert!(report.notices[0].to_string().ends_with(&format!("{refused} records could not be taken")));
}

#[test]
fn a_full_queue_holds_up_whoever_may_wait_and_refuses_whoever_may_not() {
    let place = Place::new();
    for on_full in [OnFull::Block, OnFull::Refuse] {
        let (auditor, mut disk) = with_a_slow_disk(&place, on_full);
        // More than a disk that nobody empties, and the queue, can hold.
        let recorder = auditor.clone();
        let recording = std::thread::spawn(move || (0..5_000).filter(|number| recorder.record(&call(*number)).is_err()).count());
        // Nobody reads yet. Who may not wait is done all the same; who may is held up.
        match on_full {
            OnFull::Block => eventually(|| auditor.lines.is_full()),
            OnFull::Refuse => eventually(|| recording.is_finished()),
        }
        assert_eq!(recording.is_finished(), on_full == OnFull::Refuse);

        let reading = std::thread::spawn(move || {
            let mut written = Vec::new();
            disk.read_to_end(&mut written).unwrap();
            written
        });
        let refused = recording.join().unwrap();
        assert_eq!(refused == 0, on_full == OnFull::Block);
        drop(auditor);
        let written = String::from_utf8(reading.join().unwrap()).unwrap();
        assert_eq!(written.lines().filter(|line| line.contains(r#""event":"call""#)).count(), 5_000 - refused);
    }
}

#[test]
fn half_a_line_is_finished_once_there_is_room() {
    let place = Place::new();
    let (auditor, mut disk) = with_a_slow_disk(&place, OnFull::Refuse);
    let taken = (0..5_000).filter(|number| auditor.record(&call(*number)).is_ok()).count();
    let reading = std::thread::spawn(move || {
        let (mut written, mut some) = (Vec::new(), [0; 777]);
        loop {
            match disk.read(&mut some).unwrap() {
                0 => return written,
                bytes => written.extend_from_slice(&some[..bytes]),
            }
        }
    });
    drop(auditor);
    let written = reading.join().unwrap();
    let mut end = End::GENESIS;
    let mut calls = 0;
    for line in written.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n') {
        let sealed = Sealed::parse(line).ok().unwrap();
        assert_eq!((sealed.seq, sealed.previous), (end.seq + 1, end.hash));
        end = sealed.end();
        calls += usize::from(sealed.body.windows(14).any(|window| window == br#""event":"call""#));
    }
    assert_eq!(calls, taken);
}

#[test]
fn an_interrupted_write_goes_on_where_it_stopped() {
    let place = Place::new();
    let mut log = opening::open(place.options(), NOON).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    put_on(&mut log, ours);
    for number in 0..2_000 {
        log.append(NOON + number, br#""time":"2026-11-05T12:00:00.000Z","event":"call""#);
    }
    assert!(matches!(log.write(), Err(Reason::NotWritten { .. })));
    assert!(log.is_behind());

    let mut written = Vec::new();
    while log.is_behind() {
        let _full = log.write();
        let _empty = theirs.read_to_end(&mut written);
    }
    let _empty = theirs.read_to_end(&mut written);
    let written: Vec<_> = written.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').collect();
    assert_eq!(written.len(), 2_000);
    for (number, line) in written.into_iter().enumerate() {
        assert_eq!(Sealed::parse(line).ok().unwrap().seq, number as u64 + 1);
    }
}

#[test]
fn a_disk_that_cannot_be_forced_is_said_until_the_next_start() {
    let place = Place::new();
    let (auditor, _disk) = with_a_slow_disk(&place, OnFull::Block);
    auditor.record(&call(1)).unwrap();
    // A socket takes lines but cannot be forced to keep them.
    assert!(matches!(auditor.flush(), Err(Reason::NotSynced { .. })));
    auditor.record(&call(2)).unwrap();
    assert!(matches!(auditor.health(), Err(Reason::NotSynced { .. })));
}

#[test]
fn a_file_in_the_way_of_a_rotation_is_said_and_lines_are_still_written() {
    let place = Place::new();
    let auditor = Auditor::start(Options { rotate_bytes: 1, ..place.options() }, NOON).unwrap();
    let in_the_way = place.file("mcp_calls.000000000001.jsonl");
    fs::write(&in_the_way, "precious").unwrap();
    for number in 0..3 {
        auditor.record(&call(number)).unwrap();
        assert!(matches!(auditor.flush(), Err(Reason::NotRotated { .. })));
    }
    assert_eq!(fs::read(&in_the_way).unwrap(), b"precious");
    assert_eq!(lines(&place.path).len(), 3);

    fs::remove_file(&in_the_way).unwrap();
    auditor.record(&call(3)).unwrap();
    auditor.flush().unwrap();
    auditor.close().unwrap();
    assert_eq!(lines(&in_the_way).len(), 4);
    verify(&place.path).unwrap();
}

/// A log on a socket, which holds a few hundred kilobytes and then blocks until the other end is read.
fn with_a_slow_disk(place: &Place, on_full: OnFull) -> (Auditor, UnixStream) {
    let options = Options { path: place.file("slow.jsonl"), ..place.options() };
    let mut log = loop {
        // The thread of the log before this one may still hold the lock for a moment.
        match opening::open(Options { path: options.path.clone(), ..place.options() }, NOON) {
            Err(AuditError::InUse { .. }) => std::thread::sleep(Duration::from_millis(1)),
            opened => break opened.unwrap(),
        }
    };
    let (ours, theirs) = UnixStream::pair().unwrap();
    put_on(&mut log, ours);
    (Auditor::over(log, Durability::None, on_full, 4).unwrap(), theirs)
}

fn put_on(log: &mut log::Log, stream: UnixStream) {
    use std::os::fd::AsRawFd as _;

    log.names.live = PathBuf::from(format!("/proc/self/fd/{}", stream.as_raw_fd()));
    log.file = OwnedFd::from(stream).into();
    log.end = End::GENESIS;
}
