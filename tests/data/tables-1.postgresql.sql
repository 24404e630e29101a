CREATE TABLE search_schema (
    id SERIAL NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE search_manifests (
    study_id INTEGER NOT NULL,
    stamp VARCHAR(32) NOT NULL,
    manifest TEXT NOT NULL,
    stop_reason TEXT,
    PRIMARY KEY (study_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id) ON DELETE CASCADE
);

CREATE TABLE search_slots (
    study_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state VARCHAR(8) DEFAULT 'waiting' NOT NULL,
    token INTEGER DEFAULT '0' NOT NULL,
    worker_id TEXT,
    lease_expires_at DOUBLE PRECISION,
    trial_number INTEGER,
    seed BIGINT NOT NULL,
    params TEXT,
    settings TEXT,
    failures INTEGER DEFAULT '0' NOT NULL,
    last_failure TEXT,
    outcome VARCHAR(8),
    value DOUBLE PRECISION,
    reason TEXT,
    kind VARCHAR(32),
    epochs INTEGER,
    finished_at DOUBLE PRECISION,
    confirmed BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (study_id, number),
    CONSTRAINT search_slots_trial UNIQUE (study_id, trial_number),
    CONSTRAINT search_slots_state CHECK (state IN ('waiting', 'leased', 'done')),
    CONSTRAINT search_slots_outcome CHECK ((state = 'done') = (outcome IS NOT NULL)),
    FOREIGN KEY(study_id) REFERENCES studies (study_id) ON DELETE CASCADE
);

CREATE INDEX search_slots_unconfirmed ON search_slots (study_id, number) WHERE state = 'done' AND confirmed = false;

CREATE INDEX search_slots_open ON search_slots (study_id, number) WHERE state <> 'done';

CREATE TABLE search_epochs (
    study_id INTEGER NOT NULL,
    trial_number INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    token INTEGER NOT NULL,
    loss DOUBLE PRECISION,
    accuracy DOUBLE PRECISION,
    val_loss DOUBLE PRECISION,
    val_accuracy DOUBLE PRECISION,
    seconds DOUBLE PRECISION NOT NULL,
    learning_rate DOUBLE PRECISION NOT NULL,
    recorded_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (study_id, trial_number, epoch),
    FOREIGN KEY(study_id) REFERENCES studies (study_id) ON DELETE CASCADE
);

CREATE TABLE search_workers (
    study_id INTEGER NOT NULL,
    worker_id VARCHAR(255) NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    device TEXT NOT NULL,
    versions TEXT NOT NULL,
    state TEXT DEFAULT '{}' NOT NULL,
    started_at DOUBLE PRECISION NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    left_reason TEXT,
    PRIMARY KEY (study_id, worker_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id) ON DELETE CASCADE
);

INSERT INTO search_schema (id, version) VALUES (1, 1);
