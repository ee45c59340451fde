"""Routes and records the requests of A/B test @TEST@. Wants psycopg2.

    test = Test(lambda: psycopg2.connect(dsn))
    arm, model_id = test.route(user)      # the same user, the same arm
    test.record(model_id, latency_ms, query=query, response=answer)
    test.record(model_id, latency_ms, query=query)          # it failed, or ran out of time

Nothing here raises because of the database: while it is away requests go where they went, at first to A, and
record() and rate() return False.
"""
import hashlib
import time
import uuid

TEST, SALT, MODELS = @TEST@, @SALT@, {"A": @A@, "B": @B@}


def bucket(unit, test=TEST, salt=SALT):
    digest = hashlib.sha256(("%d:%s:%s" % (test, salt, unit)).encode()).digest()
    return int.from_bytes(digest[:7], "big") % 10000


class Test:
    def __init__(self, connect, look_every=30):
        self.connect, self.look_every = connect, look_every
        self.connection, self.away_until = None, 0
        self.runs, self.cut, self.all_to = False, 0, "A"
        self.looked, self.sent, self.told = None, {"A": 0, "B": 0}, time.monotonic()

    def ask(self, statement, values):
        """Rows; None while the database is away, which is tried every five seconds."""
        if time.monotonic() < self.away_until:
            return None
        try:
            if self.connection is None or self.connection.closed:
                self.connection = self.connect()
                self.connection.autocommit = True
            with self.connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        except Exception:
            if self.connection is None or self.connection.closed:
                self.connection, self.away_until = None, time.monotonic() + 5
            return None

    def look(self):
        """The split, and whether the test still runs: A's share may change while it does."""
        rows = self.ask("SELECT runs, cut, all_to FROM pare.ab_route_of(%s)", (TEST,))
        if rows:
            self.runs, self.cut, self.all_to = rows[0]
            self.looked = time.monotonic()

    def route(self, unit):
        if self.looked is None or time.monotonic() - self.looked > self.look_every:
            self.look()
        arm = ("A" if bucket(unit) < self.cut else "B") if self.runs else self.all_to
        self.sent[arm] += self.runs
        return arm, MODELS[arm]

    def tell(self):
        """What was sent, so that what never came back shows."""
        for arm in self.sent:
            if self.sent[arm] and self.ask("SELECT pare.ab_sent(%s, %s, %s)", (TEST, arm, self.sent[arm])):
                self.sent[arm] = 0
        self.told = time.monotonic()

    def record(self, model_id, latency_ms, query=None, response=None, request_id=None):
        if time.monotonic() - self.told > 60:
            self.tell()
        return self.ask("INSERT INTO model_test_results (test_id, model_id, request_id, query, response, latency_ms)"
                        " VALUES (%s, %s, %s, %s, %s, %s)",
                        (TEST, model_id, str(request_id or uuid.uuid4()), query, response, round(latency_ms))) is not None

    def rate(self, request_id, feedback):
        """1 to 5, whenever it comes."""
        return self.ask("UPDATE model_test_results SET user_feedback = %s WHERE test_id = %s AND request_id = %s",
                        (feedback, TEST, str(request_id))) is not None
