"""Routes and records the requests of A/B test @TEST@. Wants psycopg2.

    test = Test(psycopg2.connect(dsn))
    arm, model_id = test.route(user)      # the same user, the same arm
    test.record(model_id, latency_ms, query=query, response=answer)
    test.record(model_id, latency_ms, query=query)          # it failed, or ran out of time
"""
import hashlib
import time
import uuid

TEST, SALT, MODELS = @TEST@, @SALT@, {"A": @A@, "B": @B@}


def bucket(unit, test=TEST, salt=SALT):
    digest = hashlib.sha256(("%d:%s:%s" % (test, salt, unit)).encode()).digest()
    return int.from_bytes(digest[:7], "big") % 10000


class Test:
    def __init__(self, connection, look_every=30):
        connection.autocommit = True
        self.connection, self.look_every = connection, look_every
        self.looked, self.sent, self.told = 0, {"A": 0, "B": 0}, time.monotonic()

    def look(self):
        """The split, and whether the test still runs: A's share may change while it does."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT runs, cut, all_to FROM pare.ab_route_of(%s)", (TEST,))
            self.runs, self.cut, self.all_to = cursor.fetchone()
        self.looked = time.monotonic()

    def route(self, unit):
        if not self.looked or time.monotonic() - self.looked > self.look_every:
            self.look()
        arm = ("A" if bucket(unit) < self.cut else "B") if self.runs else self.all_to
        self.sent[arm] += self.runs
        return arm, MODELS[arm]

    def record(self, model_id, latency_ms, query=None, response=None, request_id=None):
        with self.connection.cursor() as cursor:
            cursor.execute("INSERT INTO model_test_results (test_id, model_id, request_id, query, response, latency_ms)"
                           " VALUES (%s, %s, %s, %s, %s, %s)",
                           (TEST, model_id, str(request_id or uuid.uuid4()), query, response, round(latency_ms)))
            if time.monotonic() - self.told > 60:  # what was sent, so that what never came back shows
                for arm, n in self.sent.items():
                    cursor.execute("SELECT pare.ab_sent(%s, %s, %s)", (TEST, arm, n))
                self.sent, self.told = {"A": 0, "B": 0}, time.monotonic()

    def rate(self, request_id, feedback):
        """1 to 5, whenever it comes."""
        with self.connection.cursor() as cursor:
            cursor.execute("UPDATE model_test_results SET user_feedback = %s WHERE test_id = %s AND request_id = %s",
                           (feedback, TEST, str(request_id)))
