-- The messages of the 2017 experiment, in both data sets: 10,000 rows, a hundred of which make one reply.
-- Known: the columns and the number of rows. Chosen: the texts, 104 letters each, so that the replies are as long as
-- the published ones (13,284 bytes, and 14,882 indented) but for the digits of the random ids. Runs as one transaction.
DROP TABLE IF EXISTS message;

CREATE TABLE message (
    id      integer PRIMARY KEY,
    content varchar(512) NOT NULL
);

INSERT INTO message (id, content)
SELECT id, left(repeat(md5(id::text), 4), 104) FROM generate_series(1, 10000) AS id;

ANALYZE message;
