//! What happened, provably? Records, their chain, the writer, verification, retention.
