package scenario

import (
	"strings"
)

// The fields in the order in which people think of them: what a yes means, the
// buffer, the time-outs, batches, retries.
func producerFields(p *Producer) []field {
	return []field{
		{"acks", acks(&p.Acks), false},
		{"buffer.memory", size(&p.BufferMemory, maxBuffer), false},
		{"max.block.ms", millis(&p.MaxBlock), false},
		{"delivery.timeout.ms", millis(&p.DeliveryTimeout), false},
		{"request.timeout.ms", millis(&p.RequestTimeout), false},
		{"linger.ms", millis(&p.Linger), false},
		{"batch.size", size(&p.BatchSize, maxInt), false},
		{"max.request.size", size(&p.MaxRequestSize, maxInt), false},
		{"max.in.flight.requests.per.connection", whole(&p.MaxInFlight, 1, maxInt), false},
		{"retries", whole(&p.Retries, 0, maxInt), false},
		{"retry.backoff.ms", millis(&p.RetryBackoff), false},
		{"retry.backoff.max.ms", millis(&p.RetryBackoffMax), false},
		{"reconnect.backoff.ms", millis(&p.ReconnectBackoff), false},
		{"reconnect.backoff.max.ms", millis(&p.ReconnectBackoffMax), false},
		{"metadata.max.age.ms", millis(&p.MetadataMaxAge), false},
		{"enable.idempotence", optional[bool]{&p.EnableIdempotence, flag, func() bool { return true }}, false},
		{"compression.type", choice(&p.CompressionType, "none", "gzip", "snappy", "lz4", "zstd"), false},
	}
}

func producerSection(p *Producer) object[Producer] {
	o := section(p, "producer", producerFields, func(d *Scenario) Producer { return d.Producer })
	o.explain = func(name string) (problem, want string) {
		for java := range strings.FieldsSeq(notSimulated) {
			if java == name {
				return "exists in the Java client and is not simulated", "it left out"
			}
		}
		return "", ""
	}
	return o
}

// acks takes what the Java client does, and the numbers without quotes.
func acks(p *string) value {
	l := choice(p, "0", "1", "all")
	l.want = "one of 0, 1, all (or -1, which is all)"
	l.hint = nil
	l.parse = func(n *node) (string, string) {
		if n.kind != isText && n.kind != isNumber {
			return "", is(n)
		}
		if n.text == "-1" {
			return "all", ""
		}
		return n.text, ""
	}
	return l
}

// Idempotent says whether the producer is idempotent, by the rule of the Java
// client (KIP-679; ProducerConfig.postProcessAndValidateIdempotenceConfigs):
// it is unless somebody says otherwise, with enable.idempotence or by asking
// for something that it cannot be together with.
func (p *Producer) Idempotent() bool {
	if p.EnableIdempotence != nil {
		return *p.EnableIdempotence
	}
	return p.Acks == "all" && p.Retries > 0
}

// maxInFlightIdempotent is ProducerConfig's
// MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION_FOR_IDEMPOTENCE.
const maxInFlightIdempotent = 5

// settle does to an unset delivery.timeout.ms what
// KafkaProducer.configureDeliveryTimeout does: raises it to what its parts need.
func (p *Producer) settle(deliverySet bool) {
	if least := p.Linger + p.RequestTimeout; !deliverySet && p.DeliveryTimeout < least {
		p.DeliveryTimeout = min(least, longestInJava)
	}
}

// rules are those that ProducerConfig and KafkaProducer hold a configuration to.
func (p *Producer) rules(f *findings) {
	if on := p.EnableIdempotence; on == nil || *on {
		const idempotent = "producer.enable.idempotence"
		if on != nil && p.Retries == 0 {
			f.add(idempotent, "is true, and producer.retries is 0", "retries above 0, or no idempotence")
		}
		if on != nil && p.Acks != "all" {
			f.add(idempotent, "is true, and producer.acks is "+p.Acks, "acks all, or no idempotence")
		}
		// Since Kafka 4.0 this is refused even where idempotence was not asked for.
		if p.MaxInFlight > maxInFlightIdempotent {
			f.add("producer.max.in.flight.requests.per.connection", "is "+grouped(int64(p.MaxInFlight))+
				" with idempotence, which is on unless it is turned off", "at most 5, or enable.idempotence: false")
		}
	}
	// Java adds the two in a 32-bit int's range (Integer.MAX_VALUE at most).
	if least := min(p.Linger+p.RequestTimeout, longestInJava); p.DeliveryTimeout < least {
		f.add("producer.delivery.timeout.ms", "is "+short(p.DeliveryTimeout)+", less than linger.ms and request.timeout.ms together",
			"at least "+short(least))
	}
}

// notSimulated are the other properties of ProducerConfig in Kafka 4.4.0. What
// they do is either simd's own business (addresses, serializers, security) or
// not simulated.
const notSimulated = `
	bootstrap.resolve.timeout.ms
	bootstrap.servers
	client.dns.lookup
	client.id
	client.rack
	compression.gzip.level
	compression.lz4.level
	compression.zstd.level
	config.providers
	connections.max.idle.ms
	enable.metrics.push
	interceptor.classes
	key.serializer
	metadata.cluster.check.enable
	metadata.max.idle.ms
	metadata.recovery.rebootstrap.trigger.ms
	metadata.recovery.strategy
	metric.reporters
	metrics.num.samples
	metrics.recording.level
	metrics.sample.window.ms
	partitioner.adaptive.partitioning.enable
	partitioner.availability.timeout.ms
	partitioner.class
	partitioner.ignore.keys
	partitioner.rack.aware
	receive.buffer.bytes
	sasl.client.callback.handler.class
	sasl.jaas.config
	sasl.kerberos.kinit.cmd
	sasl.kerberos.min.time.before.relogin
	sasl.kerberos.service.name
	sasl.kerberos.ticket.renew.jitter
	sasl.kerberos.ticket.renew.window.factor
	sasl.login.callback.handler.class
	sasl.login.class
	sasl.login.connect.timeout.ms
	sasl.login.read.timeout.ms
	sasl.login.refresh.buffer.seconds
	sasl.login.refresh.min.period.seconds
	sasl.login.refresh.window.factor
	sasl.login.refresh.window.jitter
	sasl.login.retry.backoff.max.ms
	sasl.login.retry.backoff.ms
	sasl.mechanism
	sasl.oauthbearer.allow.unverified.audience
	sasl.oauthbearer.allow.unverified.issuer
	sasl.oauthbearer.assertion.algorithm
	sasl.oauthbearer.assertion.claim.aud
	sasl.oauthbearer.assertion.claim.exp.seconds
	sasl.oauthbearer.assertion.claim.iss
	sasl.oauthbearer.assertion.claim.jti.include
	sasl.oauthbearer.assertion.claim.nbf.seconds
	sasl.oauthbearer.assertion.claim.sub
	sasl.oauthbearer.assertion.file
	sasl.oauthbearer.assertion.private.key.file
	sasl.oauthbearer.assertion.private.key.passphrase
	sasl.oauthbearer.assertion.template.file
	sasl.oauthbearer.client.credentials.client.id
	sasl.oauthbearer.client.credentials.client.secret
	sasl.oauthbearer.clock.skew.seconds
	sasl.oauthbearer.expected.audience
	sasl.oauthbearer.expected.issuer
	sasl.oauthbearer.header.urlencode
	sasl.oauthbearer.jwks.endpoint.refresh.ms
	sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms
	sasl.oauthbearer.jwks.endpoint.retry.backoff.ms
	sasl.oauthbearer.jwks.endpoint.url
	sasl.oauthbearer.jwt.retriever.class
	sasl.oauthbearer.jwt.validator.class
	sasl.oauthbearer.scope
	sasl.oauthbearer.scope.claim.name
	sasl.oauthbearer.sub.claim.name
	sasl.oauthbearer.token.endpoint.url
	security.protocol
	security.providers
	send.buffer.bytes
	socket.connection.setup.timeout.max.ms
	socket.connection.setup.timeout.ms
	ssl.cipher.suites
	ssl.enabled.protocols
	ssl.endpoint.identification.algorithm
	ssl.engine.factory.class
	ssl.key.password
	ssl.keymanager.algorithm
	ssl.keystore.certificate.chain
	ssl.keystore.key
	ssl.keystore.location
	ssl.keystore.password
	ssl.keystore.type
	ssl.protocol
	ssl.provider
	ssl.secure.random.implementation
	ssl.trustmanager.algorithm
	ssl.truststore.certificates
	ssl.truststore.location
	ssl.truststore.password
	ssl.truststore.type
	transaction.timeout.ms
	transaction.two.phase.commit.enable
	transactional.id
	value.serializer
`
